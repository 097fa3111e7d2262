import { instantOf } from '../model/instant.ts';
import { formatSeconds } from '../model/duration.ts';
import type { RestorePoint } from '../model/restore-point.ts';
import { acceptRunbook, restoreRunbook } from '../runbooks/index.ts';
import { listTimelines } from '../runbooks/catalog/timeline-catalog.ts';
import { outageOf } from '../runbooks/steps/standard-steps.ts';
import { currentTimeline } from '../runbooks/catalog/timeline-record.ts';
import { committedBy, foundIn, type ObservedState } from '../sample/oracle.ts';
import type { Aftermath } from './aftermath-chapter.ts';
import type { BadJob } from './bad-job-chapter.ts';
import { demoName } from './demo-config.ts';
import type { Disaster } from './disaster-chapter.ts';
import type { RecoveredFacts } from './drill-facts.ts';
import type { DrillRun } from './drill-document.ts';
import { drillRun } from './drill-run.ts';
import { proveRecovery } from './recovery-proof.ts';
import type { OpenBank, Scene } from './scene.ts';

export interface Emergency {
  readonly point: RestorePoint;
  readonly badJob: BadJob;
  readonly disaster: Disaster;
  readonly aftermath: Aftermath;
}

/** Restores the graph as it was just before the bad job, and compares it with the oracle of that instant. */
export async function restoreInstant(scene: Scene, opened: OpenBank, emergency: Emergency): Promise<RecoveredFacts> {
  const { stage, phase } = scene;
  const { aftermath, badJob } = emergency;
  const instant = aftermath.bad.before;
  stage.chapter('The restore: to the instant before the bad job');
  const restored = await restore(scene, emergency, { phase: 'restore', to: instant, undone: [] });
  const { facts } = await phase('prove', () =>
    proveRecovery(scene, opened, badJob.accounts, () => committedBy(BigInt(instantOf(instant)))),
  );
  stage.say(
    `The graph was unavailable for ${formatSeconds(restored.secondsFromKill)}, from the kill to the last check of the restore.`,
  );
  return { ...restored, ...facts, to: instant, excluded: 0 };
}

export interface Undone {
  readonly facts: RecoveredFacts;
  readonly observed: ObservedState;
}

/**
 * Restores the timeline from before the disaster without the bad job. The oracle then expects the transactions that are
 * found there.
 */
export async function restoreAllButBadJob(scene: Scene, opened: OpenBank, emergency: Emergency): Promise<Undone> {
  const { stage, phase } = scene;
  const { aftermath, badJob } = emergency;
  const { newest } = aftermath;
  const undone = aftermath.bad.slots;
  stage.chapter('The undo: everything except the bad job, with the good work after it');
  const restored = await restore(scene, emergency, { phase: 'undo', to: newest, undone });
  const { facts, observed } = await phase('prove undo', () => proveRecovery(scene, opened, badJob.accounts, foundIn));
  return { facts: { ...restored, ...facts, to: newest, excluded: undone.length }, observed };
}

/** Deletes the data that a restore had moved aside. */
export async function accept({ stage, platform, services, phase }: Scene, restored: DrillRun): Promise<DrillRun> {
  const params = { restore: restored.id };
  const accepted = await phase('accept', () =>
    stage.carryOut(acceptRunbook, { environment: demoName, params, services, confirmed: demoName }),
  );
  return drillRun(platform.bucket, accepted.run, acceptRunbook);
}

interface Target {
  readonly phase: string;
  readonly to: string;
  readonly undone: readonly string[];
}

async function restore(
  { stage, platform, services, phase, clock }: Scene,
  { point, disaster, aftermath }: Emergency,
  target: Target,
): Promise<Pick<RecoveredFacts, 'run' | 'secondsFromKill' | 'timeline' | 'incomplete'>> {
  const params = {
    point: point.id,
    allowTaken: false,
    allowFailed: false,
    newBase: false,
    stage: true,
    replay: true,
    toEnd: false,
    logs: { instant: target.to, timeline: aftermath.timeline, exclusions: [...target.undone] },
  };
  if (target.undone.length === 0) stage.plan(restoreRunbook, demoName, params);
  stage.say(
    `The same as the command: cardea ${target.undone.length === 0 ? `restore ${demoName} --to ${target.to}` : `undo ${demoName} --way restore --group ${target.undone[0]} --group …`} --confirm ${demoName}`,
  );
  const outcome = await phase(target.phase, () =>
    stage.carryOut(restoreRunbook, { environment: demoName, params, services, confirmed: demoName }),
  );
  const secondsFromKill = clock.monotonic() - disaster.monotonic;
  const outage = outageOf(outcome.results);
  if (target.undone.length > 0 && outage !== undefined) {
    stage.say(`The graph did not serve for ${formatSeconds(outage)}, from its stop to its start.`);
  }
  const timeline = await currentTimeline(platform.bucket);
  const { exclusions = [] } = (await listTimelines(platform.bucket)).find(({ id }) => id === timeline) ?? {};
  const incomplete = exclusions.filter((slot) => !target.undone.includes(slot));
  if (incomplete.length > 0) {
    stage.say(
      `${incomplete.length} more transactions were left out completely: the kill interrupted them, and they were never acknowledged.`,
    );
  }
  return {
    secondsFromKill,
    run: await drillRun(platform.bucket, outcome.run, restoreRunbook),
    timeline,
    incomplete: incomplete.length,
  };
}
