import { FailedProblem } from '../../../src/model/problem.ts';
import { z } from 'zod';
import { decideTarget, rehearsable, replayParamsOf } from '../../../src/cli/commands/restore/target.ts';
import { pointJson } from '../../../src/cli/commands/points/text.ts';
import type { CliContext } from '../../../src/cli/context.ts';
import { restoreDecisions } from '../../../src/cli/runs/undecided-restore.ts';
import { verifyAudit } from '../../../src/journal/audit.ts';
import { type RunsWorld, listRuns, showRun } from '../../../src/journal/runs.ts';
import { Problem } from '../../../src/model/problem.ts';
import { instantOf, micros } from '../../../src/model/instant.ts';
import { sha256 } from '../../../src/model/sha256.ts';
import type { AuditTrust } from '../../../src/ports/audit-signer.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Processes } from '../../../src/ports/processes.ts';
import { type EngineWorld, resumeRun, startRun } from '../../../src/runbook/engine.ts';
import type { Runbook } from '../../../src/runbook/define.ts';
import { findFindings, knownFindings } from '../../../src/runbooks/catalog/finding-catalog.ts';
import { findIdFloor, findIdMark } from '../../../src/runbooks/catalog/id-mark.ts';
import { findShippingOrder } from '../../../src/runbooks/catalog/shipping-order.ts';
import { searchTransactions } from '../../../src/runbooks/recovery/transaction-search.ts';
import { ownBucket } from '../../../src/ports/own-bucket.ts';
import { getPoint, surveyPoints } from '../../../src/runbooks/catalog/point-catalog.ts';
import { storedSchema } from '../../../src/runbooks/catalog/schema-catalog.ts';
import { findRunbook, rehearseRunbook, restoreRunbook, type RunbookServices } from '../../../src/runbooks/index.ts';
import { readRecoveryFacts } from '../../../src/runbooks/recovery/recovery-facts.ts';
import { computeWindow } from '../../../src/runbooks/recovery/window.ts';
import { getUndoPlan } from '../../../src/runbooks/undo/undo-plan.ts';
import { countingIds } from '../fake-clock.ts';
import type { CopiedBucket } from './copied-bucket.ts';
import type { CopiedWorld } from './copied-world.ts';
import type { BucketFacts } from './real-bucket.ts';

const decidedUndo = z.object({ sha256: z.string() });

/** What Cardea makes of a bucket: what it would do, and what it says about it. */
export interface Answer {
  /** What would be done or shown; undefined when nothing would. */
  readonly value: string | undefined;
  /** Everything that a person is told: the problem, warnings, faults. */
  readonly said: string;
  /** Of the problem, when it is one. */
  readonly code?: string;
}

export interface Asking {
  readonly facts: BucketFacts;
  readonly bucket: CopiedBucket;
  readonly world: CopiedWorld;
  readonly config: RunbookServices['config'];
  readonly clock: Clock;
  readonly signer?: EngineWorld['signer'];
  readonly trust?: AuditTrust | undefined;
}

export interface Question {
  readonly name: string;
  /** Those of a sort do the same with other points, instants or runs. */
  readonly sort: string;
  /** Runs of which the bucket knows nothing here: an unfinished restore would refuse every other. */
  readonly hidden: readonly string[];
  /** Only shows something: that it shows something else does no harm when another question names the object. */
  readonly shows?: boolean;
  ask(asking: Asking): Promise<Answer>;
}

/** All that reads a bucket before a server is started on what it holds. */
export function questionsOf(facts: BucketFacts): readonly Question[] {
  const unfinished = [`restores/${facts.killed}.json`, `runs/${facts.killed}/`];
  const restores = [
    ...facts.points.map((point) => ({
      name: `restore to ${point}`,
      sort: 'restore to a point',
      to: point,
      timeline: undefined,
    })),
    ...facts.instants.map(({ timeline, instant }) => ({
      name: `restore to ${instant} of ${timeline}`,
      sort: 'restore to an instant',
      to: instant,
      timeline,
    })),
    {
      name: 'restore to the end of the log',
      sort: 'restore to an instant',
      to: undefined,
      timeline: facts.instants.at(-1)?.timeline,
    },
  ];
  return [
    ...restores.map(
      ({ name, sort, to, timeline }): Question => ({
        name,
        sort,
        hidden: unfinished,
        ask: async (asking) => {
          const decided = await decideTarget(contextOf(asking), 'local', {
            ...(to === undefined ? {} : { to }),
            ...(timeline === undefined ? {} : { timeline }),
          });
          return runUpToStart(asking, decided.warnings, (engine, services) =>
            startRun(engine, restoreRunbook, {
              environment: 'local',
              params: { point: decided.point.id, newBase: false, ...replayParamsOf(decided, { inPlace: true }) },
              services,
              confirmed: 'local',
            }),
          );
        },
      }),
    ),
    ...facts.points.map(
      (id): Question => ({
        name: `rehearse ${id}`,
        sort: 'rehearse',
        hidden: unfinished,
        ask: async (asking) => {
          const { bucket } = asking;
          const recovery = await readRecoveryFacts(servicesOf(asking));
          const point = await getPoint(bucket, id);
          const decided = await rehearsable(recovery, point);
          return runUpToStart(asking, decided.warnings, (engine, services) =>
            startRun(engine, rehearseRunbook, {
              environment: 'local',
              params: { point: decided.point.id, ...replayParamsOf(decided, { inPlace: false }) },
              services,
            }),
          );
        },
      }),
    ),
    {
      name: 'resume the killed restore',
      sort: 'run resume',
      hidden: [],
      ask: async (asking) =>
        runUpToStart(asking, [], (engine, services) =>
          resumeRun(
            engine,
            findRunbook as (name: string, version: number) => Runbook<unknown, RunbookServices> | undefined,
            {
              run: facts.killed,
              services,
            },
          ),
        ),
    },
    {
      name: 'the ids that must not be given out again',
      sort: 'ids',
      hidden: [],
      ask: async ({ bucket }) =>
        shown([
          await findIdMark(bucket, facts.killed, damaged),
          await findIdMark(bucket, facts.restored, damaged),
          await findIdFloor(bucket, facts.restored, damaged),
        ]),
    },
    {
      name: 'the writes of the undo',
      sort: 'undo',
      hidden: [],
      ask: async (asking) => {
        const { steps } = (await showRun(runsWorld(asking), facts.undone)).state;
        const { sha256: decided } = decidedUndo.parse(steps['plan-undo']?.result);
        return shown(await getUndoPlan(asking.bucket, { run: facts.undone, sha256: decided }));
      },
    },
    {
      name: 'the names in the log',
      sort: 'names',
      hidden: [],
      ask: async ({ bucket }) =>
        shown(
          await Promise.all(
            facts.instants.map(async ({ instant }) => {
              const known = await storedSchema(bucket, instantOf(instant));
              return known === undefined
                ? null
                : [...known.schema.types.values(), known.shapes, known.schema.ids.partitions];
            }),
          ),
        ),
    },
    {
      name: 'the transactions of the log',
      sort: 'transactions',
      hidden: [],
      ask: async ({ bucket }) => {
        const found: unknown[] = [];
        for (const { timeline, instant } of facts.instants) {
          const at = instantOf(instant);
          const known = await storedSchema(bucket, at);
          if (known === undefined) continue;
          const range = { around: at, from: micros(at - 30_000_000), to: micros(at + 30_000_000), timeline };
          const log = { bucket, keyspace: facts.keyspace };
          found.push(await searchTransactions(log, known, { ...range, removing: false, limit: 0 }));
        }
        return shown(found);
      },
    },
    {
      name: 'whose bucket it is',
      sort: 'identity',
      hidden: [],
      ask: async ({ bucket, clock }) =>
        shown((await ownBucket(bucket, { owner: { environment: 'local' }, clock, ids: countingIds() }).look()) ?? null),
    },
    {
      name: 'what agents are told to ship',
      sort: 'shipping order',
      hidden: [],
      ask: async ({ bucket }) => shown((await findShippingOrder(bucket)) ?? null),
    },
    {
      name: 'what is known of the graph',
      sort: 'findings',
      hidden: [],
      ask: async ({ bucket }) => {
        const recorded = await Promise.all(
          [...facts.points, facts.restored].map(async (of) => findFindings(bucket, of)),
        );
        return shown([(await knownFindings(bucket)).size, ...recorded.map((each) => each ?? null)]);
      },
    },
    {
      name: 'audit',
      sort: 'audit',
      hidden: [],
      shows: true,
      ask: async (asking) => shown((await verifyAudit(runsWorld(asking), asking.trust)).findings),
    },
    {
      name: 'points',
      sort: 'points',
      hidden: [],
      shows: true,
      ask: async ({ bucket }) => {
        const { points, damaged } = await surveyPoints(bucket);
        return shown([...points, ...damaged].map(pointJson));
      },
    },
    ...[...new Set(facts.instants.map(({ timeline }) => timeline))].map(
      (timeline): Question => ({
        name: `window of ${timeline}`,
        sort: 'window',
        hidden: [],
        ask: async (asking) => shown(computeWindow(await readRecoveryFacts(servicesOf(asking)), timeline)),
      }),
    ),
    {
      name: 'status of runs and restores',
      sort: 'status',
      hidden: [],
      shows: true,
      ask: async (asking) => {
        const world = runsWorld(asking);
        const { undecided, decided, damagedRecords } = await restoreDecisions(world);
        return shown([undecided, [...decided], damagedRecords, await listRuns(world, { limit: 50 })]);
      },
    },
    ...[facts.restored, facts.undone, facts.killed].map(
      (run): Question => ({
        name: `show ${run}`,
        sort: 'run show',
        hidden: [],
        ask: async (asking) => shown((await showRun(runsWorld(asking), run)).state),
      }),
    ),
  ];
}

/** Asks; a problem is an answer. */
export async function answerTo(question: Question, asking: Asking): Promise<Answer> {
  try {
    return await question.ask(asking);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { value: undefined, said: saidOf(error), code: error.code };
  }
}

function shown(value: unknown): Answer {
  const text = JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'bigint') return String(inner);
    if (inner instanceof Map || inner instanceof Set) return [...inner];
    return inner;
  });
  return { value: text, said: text };
}

async function runUpToStart(
  asking: Asking,
  warnings: readonly string[],
  work: (
    engine: EngineWorld,
    services: RunbookServices,
  ) => Promise<{ readonly problem?: Problem; readonly status: string }>,
): Promise<Answer> {
  const { bucket, clock, signer, world } = asking;
  const logs: string[] = [];
  const engine: EngineWorld = {
    store: bucket,
    clock,
    ids: countingIds(),
    processes: alone,
    actor: { name: 'dana', via: 'cli', host: 'here' },
    ...(signer === undefined ? {} : { signer }),
  };
  const { problem, status } = await work(engine, servicesOf(asking));
  const start = world.start();
  for await (const { key } of bucket.list('runs/')) {
    if (key.includes('/logs/') && bucket.wrote(key)) logs.push(Buffer.from(bucket.peek(key) ?? []).toString());
  }
  const said = [...warnings, ...logs, problem === undefined ? status : saidOf(problem)].join('\n');
  const code = problem === undefined || start !== undefined ? {} : { code: problem.code };
  return { value: start === undefined ? undefined : sha256(JSON.stringify(start)), said, ...code };
}

/** Whoever held a lease of the bucket is known to be dead: to watch whether it still lives would take a minute of each question. */
const alone: Processes = {
  self: { host: 'here', machine: 'here', pid: 100, started: '100' },
  isAlive: ({ machine }) => machine === 'here',
};

function saidOf({ code, happened, state, next, details }: Problem): string {
  return [code, happened, state, next, ...details].join('\n');
}

function servicesOf({ world, config, clock }: Asking): RunbookServices {
  return { platform: world.platform, config, clock };
}

function runsWorld({ bucket, clock }: Asking): RunsWorld {
  return { store: bucket, clock, processes: alone };
}

/** What deciding on a target asks of a command's context. */
function contextOf({ world, config, clock }: Asking): CliContext {
  return {
    clock,
    signal: new AbortController().signal,
    platform: async () => world.platform,
    environment: async (name: string) => ({ name, config, auditKey: '' }),
  } as unknown as CliContext;
}

/** What a step says in its log of an object that it passes over. */
function damaged(line: string): never {
  throw new FailedProblem({ code: 'passed-over', happened: line, state: '', next: '' });
}
