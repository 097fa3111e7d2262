import type { LogFault } from '../../commitlog/verified-stream.ts';
import { plannedPieces } from '../../commitlog/planned-piece.ts';
import { instantOf } from '../../model/instant.ts';
import { logPieceKey } from '../../model/log-piece.ts';
import { type LogPlan, plannedBytes, plannedObjects } from '../../model/log-plan.ts';
import { FailedProblem, RefusedProblem, asProblem } from '../../model/problem.ts';
import { sha256 } from '../../model/sha256.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { chooseBase } from './choose-base.ts';
import { atItsEnd } from './make-log-plan.ts';
import { type Extent, planLogs } from './plan-logs.ts';
import { type RecoveryFacts, readRecoveryFacts } from './recovery-facts.ts';
import type { RunbookServices } from '../services.ts';
import { plannable } from './truncated-rows.ts';

interface Watching {
  readonly signal: AbortSignal;
  /** Plain bytes done and in total. */
  readonly progress?: (done: number, total: number) => void;
  /** What is known to be right, key to SHA-256: it is not read again. */
  readonly sound?: ReadonlyMap<string, string>;
  /** As the plan was made with it. */
  readonly extent?: Extent;
}

/** A plan whose every byte was read and is correct. */
export interface VerifiedLogs {
  /**
   * The plan itself, or another plan for the same instant that replaces damaged objects by others with the same
   * content.
   */
  readonly plan: LogPlan;
  readonly bytes: number;
  /** Damaged objects that the instant does not need. */
  readonly left: readonly LogFault[];
}

/**
 * Reads every byte of a plan and checks it against its SHA-256, its links and the plan, before anything is changed. If
 * something is damaged, the plan is made again without it: smaller objects may still hold what a merged object lost,
 * and what was shipped after the instant may be missing. What was read and found correct is not read again. Throws
 * RefusedProblem `log-damaged`, which names what is damaged and the nearest instants that can still be restored;
 * RetryableProblem when the store does not answer.
 */
export async function verifyLogs(
  services: RunbookServices,
  plan: LogPlan,
  base: string,
  watching: Watching,
): Promise<VerifiedLogs> {
  const { bucket } = services.platform;
  const damaged = new Map<string, string>();
  const sound = new Map<string, string>(watching.sound);
  for (let current = plan; ; ) {
    const found = await damagedLogs(bucket, current, sound, watching);
    const left = () => [...damaged].map(([key, reason]) => ({ key, reason }));
    if (found.length === 0) return { plan: current, bytes: plannedBytes(current), left: left() };
    for (const { key, reason } of found) damaged.set(key, reason);
    const facts = await readRecoveryFacts(services, { signal: watching.signal, damaged });
    const read = { ...facts, asked: base };
    const { settled, since } = watching.extent ?? {};
    // As the plan was made.
    const seen = settled === undefined && since === undefined ? read : atItsEnd(read);
    current = await replan(bucket, seen, current, base, { damaged: left(), extent: watching.extent });
  }
}

/** A plan for the same instant from the same base, without the damaged objects. */
async function replan(
  bucket: ObjectStore,
  facts: RecoveryFacts,
  plan: LogPlan,
  base: string,
  { damaged, extent }: { readonly damaged: readonly LogFault[]; readonly extent: Extent | undefined },
): Promise<LogPlan> {
  const last = plan.strands.at(-1);
  try {
    const choice = chooseBase(facts, {
      instant: instantOf(plan.instant),
      timeline: last?.timeline ?? '',
      exclusions: (last?.exclusions ?? []).map(instantOf),
      base,
      decided: true,
    });
    const pieces = await plannable(bucket, facts, choice);
    return { run: plan.run, ...planLogs(pieces, choice, extent), incomplete: plan.incomplete };
  } catch (error) {
    const why = asProblem(error, 'Planning without the damaged objects');
    throw new RefusedProblem({
      code: 'log-damaged',
      happened: `The shipped log that ${plan.instant} needs is damaged: ${damaged.length === 1 ? 'one object' : `${damaged.length} objects`} cannot be used. ${why.happened}`,
      state: 'Nothing was changed.',
      next: why.next,
      details: [...damaged.map(({ key, reason }) => `${key}: ${reason}`), ...why.details],
      cause: error,
    });
  }
}

/**
 * The objects of the plan that are no longer what the plan was made with, each with what is wrong. The others are added
 * to `sound`, key to SHA-256.
 */
async function damagedLogs(
  bucket: ObjectStore,
  plan: Pick<LogPlan, 'strands'>,
  sound: Map<string, string>,
  { signal, progress }: Watching,
): Promise<readonly LogFault[]> {
  const objects = plannedObjects(plan);
  const total = plannedBytes(plan);
  const damaged: LogFault[] = [];
  let done = 0;
  const queue = objects.values();
  const broken = new AbortController();
  const over = AbortSignal.any([signal, broken.signal]);
  const work = async () => {
    const read = plannedPieces(bucket);
    for (const object of queue) {
      over.throwIfAborted();
      const reason = sound.get(object.key) === object.sha256 ? undefined : await faultOf(read, object);
      if (reason === undefined) sound.set(object.key, object.sha256);
      else damaged.push({ key: object.key, reason });
      done += object.bytes;
      progress?.(done, total);
    }
  };
  // Two at a time: one is hashed while the other is fetched. An object may be a whole segment, so more would take too
  // much memory.
  const worker = async () => work().catch((thrown: unknown) => broken.abort(thrown));
  await Promise.all([worker(), worker()]);
  broken.signal.throwIfAborted();
  return damaged;
}

interface Expected {
  readonly key: string;
  readonly sha256: string;
}

/**
 * An object that was merged into a larger one since then is as good there: the node that places it finds it in the same
 * way.
 */
async function faultOf(
  read: ReturnType<typeof plannedPieces>,
  { key, sha256: planned }: Expected,
): Promise<string | undefined> {
  try {
    const piece = await read(key);
    if (piece === undefined) return 'it is no longer in the store, and no other object holds its part: it was removed';
    const { whole, at, plain } = piece;
    if (logPieceKey(whole) !== at) return `it is a copy of ${logPieceKey(whole)}`;
    const found = at === key ? whole.sha256 : sha256(plain);
    return found === planned ? undefined : 'it is not the object that the plan was made with';
  } catch (error) {
    const problem = asProblem(error, 'Reading a log piece');
    if (problem instanceof FailedProblem && problem.code === 'log-damaged') return problem.happened;
    throw error;
  }
}
