import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configFile, demoConfig, demoName } from '../../../demo/demo-config.ts';
import type { Drill } from '../../../demo/drill-document.ts';
import { tellStory } from '../../../demo/story.ts';
import { objectionsTo } from '../../../demo/verdict.ts';
import { formatSeconds } from '../../../model/duration.ts';
import { FailedProblem } from '../../../model/problem.ts';
import { openPlatform } from '../../../platforms/open.ts';
import { folders } from '../../../host/folders.ts';
import type { Action, Outcome } from '../../command.ts';
import type { demo } from './declaration.ts';
import { demoStage } from './stage.ts';
import type { Paint } from '../../terminal/output.ts';
import { table } from '../../terminal/table.ts';

export const action: Action<typeof demo> = async (context, input) => {
  const { clock, ids, actor, version, signal, output } = context;
  const { config, environment } = demoConfig((await context.config()).config, input);
  const directory = join(folders().home, demoName);
  const { drill, report } = await tellStory(
    {
      stage: demoStage(context, join(directory, 'keys', 'audit.key'), environment.objectives.rpo),
      clock,
      ids,
      actor,
      version,
      environment,
      signal,
      async open() {
        const platform = await openPlatform(environment, demoName);
        context.onEnd(() => platform.close());
        return platform;
      },
    },
    input,
  );
  let kept: string | undefined;
  if (input.keep) {
    kept = join(directory, 'cardea.config.ts');
    await mkdir(directory, { recursive: true });
    await writeFile(kept, configFile(config));
  }
  return outcomeOf(drill, report, kept, output.paint);
};

function outcomeOf(drill: Drill, report: string, kept: string | undefined, paint: Paint): Outcome {
  const instant = drill.recoveries.find(({ id }) => id === 'instant');
  const json = {
    ok: drill.ok,
    report,
    point: drill.point.id,
    vertices: instant?.expected.vertices,
    edges: instant?.expected.edges,
    fingerprint: { before: instant?.expected.sha256, after: instant?.restored.sha256 },
    instant: instant?.to,
    rpo: { p50: drill.shipping.p50, p99: drill.shipping.p99 },
    rto: instant?.secondsFromKill,
    lostAcknowledged: drill.lost.acknowledged,
    splitTransactions: drill.recoveries.reduce((sum, { split }) => sum + split, 0),
    seconds: {
      backup: secondsOf(drill, drill.point.run),
      rehearse: secondsOf(drill, 'rehearse-'),
      restore: secondsOf(drill, instant?.run),
      total: drill.seconds,
    },
    phases: drill.phases,
  };
  if (!drill.ok) return { json, text: '', problem: failed(drill, report) };
  return { json, text: [...summary(drill, report, paint), ...(kept === undefined ? [] : keptLines(kept))].join('\n') };
}

function summary(drill: Drill, report: string, paint: Paint): readonly string[] {
  const words = { met: paint('green', '✔ met'), missed: paint('red', '✖ MISSED') };
  return [
    '',
    ...drill.recoveries.map(({ id, to, restored, secondsFromKill }) => {
      const what = { instant: 'The graph of', undo: 'Everything except the bad job up to' }[id];
      return `${paint('green', '✔')} ${paint('bold', `${what} ${to.slice(11, 26)} is restored and proved.`)} ${whole(restored.vertices)} vertices, ${whole(restored.edges)} edges, ${restored.sha256.slice(0, 16)}…, ${formatSeconds(secondsFromKill)} after the kill`;
    }),
    '',
    table(
      drill.objectives,
      [
        { title: 'OBJECTIVE', cell: ({ name }) => name },
        { title: 'PROMISED', cell: ({ target }) => formatSeconds(target) },
        {
          title: 'MEASURED',
          cell: ({ measured }) => (measured < 10 ? `${measured.toFixed(2)} s` : formatSeconds(measured)),
        },
        { title: '', cell: ({ state }) => words[state] },
        { title: '', cell: ({ note }) => note },
      ],
      paint,
    ),
    '',
    lostLine(drill),
    '',
    `The demo took ${formatSeconds(drill.seconds)}. Report: ${paint('bold', report)}`,
  ];
}

function lostLine({ lost, application }: Drill): string {
  const of = `of ${whole(application.acknowledged)} acknowledged transactions`;
  const [oldest] = lost.ages;
  if (oldest === undefined) return `Lost for good: none ${of}.`;
  return `Lost for good: ${whole(lost.acknowledged)} ${of}. The oldest was acknowledged ${oldest.toFixed(2)} s before the kill, within the shipping lag.`;
}

function keptLines(config: string): readonly string[] {
  const flag = `--config ${config}`;
  return [
    '',
    'Everything is still running. Look at it, then remove it:',
    `  ./cardea status ${demoName} ${flag}`,
    `  ./cardea window ${demoName} ${flag}`,
    `  ./cardea points ${demoName} ${flag}`,
    `  ./cardea audit ${demoName} ${flag}`,
    `  ./cardea sandbox down ${demoName} --confirm ${demoName}`,
  ];
}

function failed(drill: Drill, report: string): FailedProblem {
  return new FailedProblem({
    code: 'demo-failed',
    happened: 'The restored data is not the same as the original data.',
    state: `The report is ${report}; the logs of the servers are in the same folder.`,
    next: 'Read the report, then the logs. Unless something else disturbed the processes, this is a defect of Cardea.',
    details: objectionsTo(drill),
  });
}

/** Seconds of the first run whose id begins like this. */
function secondsOf(drill: Drill, run: string | undefined): number {
  return run === undefined ? 0 : (drill.runs.find(({ id }) => id.startsWith(run))?.seconds ?? 0);
}

function whole(value: number): string {
  return value.toLocaleString('en');
}
