import { join } from 'node:path';
import { compactSecond, runId } from '../model/identifiers.ts';
import { instantOf } from '../model/instant.ts';
import { FailedProblem, Problem } from '../model/problem.ts';
import { bringUp } from '../platforms/sandbox/bring-up.ts';
import { folders } from '../host/folders.ts';
import { withHostLock } from '../host/host-lock.ts';
import { takeDown } from '../platforms/sandbox/take-down.ts';
import { ensureSandboxToolchain } from '../platforms/sandbox/sandbox-toolchain.ts';
import { transactionsOf } from '../sample/transaction.ts';
import { inspectAftermath } from './aftermath-chapter.ts';
import { acknowledgedAfter } from './application-record.ts';
import { backUp, rehearsePoint } from './backup-chapters.ts';
import { runBadJobUnderTraffic } from './bad-job-chapter.ts';
import { openBank } from './bank-chapter.ts';
import { demoName } from './demo-config.ts';
import { causeDisaster } from './disaster-chapter.ts';
import { drillOf } from './drill.ts';
import type { Drill } from './drill-document.ts';
import { lostTransactions } from './lost-transactions.ts';
import { phaseClock } from './phase-clock.ts';
import { keepLogs, writeReport } from './report-files.ts';
import { accept, restoreAllButBadJob, restoreInstant } from './recovery-chapters.ts';
import type { DemoOptions, DemoWorld } from './scene.ts';
import { watchShipping } from './shipping-watch.ts';
import { timelinesOf } from './timeline-tree.ts';

export interface StoryEnd {
  readonly drill: Drill;
  /** Path of the report's page. */
  readonly report: string;
}

/**
 * The whole story on real parts, told on the stage while it happens. Whatever an earlier demo left is removed first, and everything at the
 * end unless it is to be kept. Resolves also when the drill failed: its record says why. Throws the problem of what broke on the way;
 * the servers' logs are then beside the report. Throws the signal's reason when it was aborted; everything is removed then as well.
 */
export async function tellStory(world: DemoWorld, options: DemoOptions): Promise<StoryEnd> {
  const { home } = folders();
  const lock = join(home, '.locks', 'demo-story');
  return withHostLock(lock, { purpose: 'cardea demo', withinMs: 1000, signal: world.signal }, async () => {
    const id = runId.parse(`drill-${compactSecond(world.clock.now())}-${world.ids.token(4)}`);
    const files = join(home, 'reports', id);
    let kept = false;
    try {
      const end = await perform(world, options, id, files);
      if (!end.drill.ok) await keepLogs(join(home, demoName), files);
      kept = options.keep;
      return end;
    } catch (error) {
      throw await broken(error, world.signal, await keepLogs(join(home, demoName), files));
    } finally {
      if (!kept) {
        await world.stage.during('Stopping and removing everything', async () => removeDemo());
      }
    }
  });
}

/** Removes the demo's environment and all its processes, whoever left it. Not stopped by Ctrl-C. */
async function removeDemo(): Promise<{ readonly existed: boolean }> {
  return takeDown(demoName, { keepData: false, confirmed: demoName, signal: new AbortController().signal });
}

async function perform(world: DemoWorld, options: DemoOptions, id: Drill['id'], files: string): Promise<StoryEnd> {
  const { stage, clock, signal, environment } = world;
  const startedAt = clock.now();
  const phase = phaseClock(clock);

  stage.chapter('The servers: a real Cassandra ring, JanusGraph and Medusa on this machine');
  const leftOver = await removeDemo();
  if (leftOver.existed) stage.say('The environment of an earlier demo was removed.');
  await phase('install', () =>
    stage.during('Installing what this machine lacks', async (progress) =>
      ensureSandboxToolchain({ progress, signal }),
    ),
  );
  const { directory, record } = await phase('start', () =>
    stage.during('Starting the ring, the agents and JanusGraph', async (progress) =>
      bringUp(demoName, environment, { nodes: options.nodes, store: options.store, progress, signal }),
    ),
  );
  const platform = await world.open();
  const scene = { ...world, options, platform, directory, phase, services: { platform, config: environment, clock } };

  const opened = await openBank(scene);
  const shipping = await watchShipping(scene);
  const backup = await backUp(scene, opened);
  const rehearsal = await rehearsePoint(scene, opened, backup.point, shipping);
  const badJob = await runBadJobUnderTraffic(scene, opened);
  const disaster = await causeDisaster(scene, opened, shipping);
  const aftermath = await inspectAftermath(scene, badJob);
  const emergency = { point: rehearsal.point, badJob, disaster, aftermath };
  const instant = await restoreInstant(scene, opened, emergency);
  const accepted = await accept(scene, instant.run);
  const { facts: undo, observed } = await restoreAllButBadJob(scene, opened, emergency);
  const transactions = await transactionsOf(opened.log.records());

  stage.chapter('The report');
  const drill = drillOf({
    id,
    environment: demoName,
    startedAt: startedAt.toISOString(),
    seconds: (clock.now().getTime() - startedAt.getTime()) / 1000,
    actor: world.actor,
    cardea: world.version,
    store: record.store.kind === 's3' ? 'S3 server on this machine' : 'directory',
    objectives: environment.objectives,
    point: rehearsal.point,
    application: disaster.application,
    lag: disaster.lag,
    looks: shipping.count(),
    badJob: {
      transactions: badJob.transactions,
      found: aftermath.bad.slots.length,
      shown: aftermath.shown,
      first: aftermath.bad.first,
      last: aftermath.bad.last,
      dropped: { label: 'account', vertices: badJob.accounts.length, edges: badJob.edges },
      goodAfter: acknowledgedAfter(transactions, badJob.endedAt),
    },
    accountsAfterDrop: badJob.accountsAfterDrop,
    disaster: disaster.record,
    window: aftermath.window,
    instant,
    undo,
    lost: lostTransactions(transactions, observed, {
      killedAt: disaster.killedAt,
      newest: instantOf(aftermath.newest),
    }),
    timelines: await timelinesOf(platform.bucket),
    backup: backup.run,
    rehearsal: rehearsal.run,
    decisions: [accepted],
    phases: phase.spent(),
  });
  const report = await writeReport(drill, platform.bucket, files);
  stage.say(report);
  return { drill, report };
}

async function broken(error: unknown, signal: AbortSignal, logs: string | undefined): Promise<unknown> {
  // The person who stopped it knows why it ends.
  if (signal.aborted) return signal.reason;
  if (!(error instanceof Problem) || logs === undefined) return error;
  return new FailedProblem({
    code: error.code,
    happened: error.happened,
    state: `${error.state} The environment of the demo was removed; the logs of its servers are in ${logs}.`,
    next: error.next,
    details: [...error.details],
    cause: error,
  });
}
