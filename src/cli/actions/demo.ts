import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configFile, demoConfig, demoName } from '../../demo/demo-config.ts';
import type { Drill } from '../../demo/drill-document.ts';
import { tellStory } from '../../demo/story.ts';
import { objectionsTo } from '../../demo/verdict.ts';
import { formatSeconds } from '../../model/duration.ts';
import { FailedProblem } from '../../model/problem.ts';
import { openPlatform } from '../../platforms/open.ts';
import { folders } from '../../platforms/sandbox/folders.ts';
import type { Action, Outcome } from '../command.ts';
import type { demo } from '../demo.ts';
import { demoStage } from '../demo-stage.ts';
import type { Paint } from '../output.ts';
import { table } from '../table.ts';

export const action: Action<typeof demo> = async (context, input) => {
  const { clock, ids, actor, version, signal, output } = context;
  const { config, environment } = demoConfig((await context.config()).config, input);
  const directory = join(folders().home, demoName);
  context.interrupt.say(
    'Stopping and removing what the demo started (Ctrl-C again leaves at once; the next demo then removes it).',
  );
  const { drill, report } = await tellStory(
    {
      stage: demoStage(context, join(directory, 'keys', 'audit.key')),
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
  const json = {
    ok: drill.ok,
    report,
    point: drill.point.id,
    vertices: drill.fingerprint.before.vertices,
    edges: drill.fingerprint.before.edges,
    fingerprint: { before: drill.fingerprint.before.hash, after: drill.fingerprint.after.hash },
    seconds: {
      backup: secondsOf(drill, 'backup'),
      rehearse: secondsOf(drill, 'rehearse'),
      restore: secondsOf(drill, 'restore'),
      total: drill.seconds,
    },
    lost: drill.lost,
    phases: drill.phases,
  };
  if (!drill.ok) return { json, text: '', problem: failed(drill, report) };
  return { json, text: [...summary(drill, report, paint), ...(kept === undefined ? [] : keptLines(kept))].join('\n') };
}

function summary(drill: Drill, report: string, paint: Paint): readonly string[] {
  const { vertices, edges, hash } = drill.fingerprint.after;
  const words = {
    met: paint('green', '✔ met'),
    missed: paint('red', '✖ MISSED'),
    'not-guaranteed': paint('yellow', '▲ not guaranteed'),
  };
  return [
    '',
    `${paint('green', '✔')} ${paint('bold', 'Everything the restore point held is back, and proved.')} ${whole(vertices)} vertices, ${whole(edges)} edges, ${hash.slice(0, 16)}…`,
    '',
    table(
      drill.objectives,
      [
        { title: 'OBJECTIVE', cell: ({ name }) => name },
        { title: 'PROMISED', cell: ({ target }) => formatSeconds(target) },
        { title: 'MEASURED', cell: ({ measured }) => formatSeconds(measured) },
        { title: '', cell: ({ state }) => words[state] },
        { title: '', cell: ({ note }) => note },
      ],
      paint,
    ),
    '',
    `Lost for good: ${whole(drill.lost.transactions)} transactions, acknowledged in the ${formatSeconds(drill.lost.seconds)} after the backup. A daily backup alone`,
    'holds nothing newer; any-second recovery, the next version, is for those.',
    '',
    `The whole story took ${formatSeconds(drill.seconds)}. Report: ${paint('bold', report)}`,
  ];
}

function keptLines(config: string): readonly string[] {
  const flag = `--config ${config}`;
  return [
    '',
    'Everything still runs. Look around, then remove it:',
    `  ./cardea status ${demoName} ${flag}`,
    `  ./cardea points ${demoName} ${flag}`,
    `  ./cardea audit ${demoName} ${flag}`,
    `  ./cardea sandbox down ${demoName}`,
  ];
}

function failed(drill: Drill, report: string): FailedProblem {
  return new FailedProblem({
    code: 'demo-failed',
    happened: 'The data did not come back as it was.',
    state: `The drill is recorded in ${report}, the logs of the servers beside it.`,
    next: 'Read the report, then the logs; this is a defect of Cardea unless something else touched its processes.',
    details: objectionsTo(drill),
  });
}

function secondsOf(drill: Drill, runbook: string): number {
  return drill.runs.find((run) => run.id.startsWith(`${runbook}-`))?.seconds ?? 0;
}

function whole(value: number): string {
  return value.toLocaleString('en');
}
