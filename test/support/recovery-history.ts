import * as fc from 'fast-check';
import type { EngineWorld, RunOutcome } from '../../src/runbook/engine.ts';
import { resumeRun, startRun } from '../../src/runbook/engine.ts';
import { Problem } from '../../src/model/problem.ts';
import { pointId, runId } from '../../src/model/identifiers.ts';
import { listRuns, type RunsWorld } from '../../src/journal/runs.ts';
import type { JobKind } from '../../src/ports/node-agent.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { Runbook } from '../../src/runbook/define.ts';
import {
  acceptRunbook,
  findRunbook,
  restoreRunbook,
  revertRunbook,
  type RunbookServices,
} from '../../src/runbooks/index.ts';
import { createPoint } from '../../src/runbooks/catalog/point-catalog.ts';
import { isMoot, restoreDecisions, wayOn } from '../../src/cli/runs/undecided-restore.ts';
import { dyingStore } from './dying-store.ts';
import { FakeMachine, memorySigner } from './engine-world.ts';
import { countingIds } from './fake-clock.ts';
import { HastyClock } from './hasty-clock.ts';
import { MemoryStore } from './memory-store.ts';
import { type JobFault, RingGraph, RingNode, simulatedPlatform } from './simulated-ring.ts';

export interface DrawnFault {
  readonly node: number;
  readonly job: JobKind | 'start';
  readonly fault: JobFault;
  readonly times: number;
}

export interface Drawn {
  readonly faults: readonly DrawnFault[];
  /** Nodes of the ring, in two racks. */
  readonly size?: 3 | 5 | undefined;
  /** From this call on the store cannot be reached, for so many calls. */
  readonly away?: { readonly from: number; readonly calls: number } | undefined;
  /** The program is killed around this put of the first command. */
  readonly kill: { readonly put: number; readonly before: boolean } | undefined;
  /** What a person does after the restore, in this order. */
  readonly person: ReadonlyArray<'resume' | 'revert' | 'accept' | 'restore'>;
}

const jobs: ReadonlyArray<DrawnFault['job']> = [
  'verify',
  'check-aside',
  'stage-files',
  'pause-shipping',
  'set-aside',
  'restore-files',
  'start-shipping',
  'look-aside',
  'revert-aside',
  'accept-aside',
  'start',
];

export const history: fc.Arbitrary<Drawn> = fc.record({
  faults: fc.array(
    fc.record({
      node: fc.nat({ max: 4 }),
      job: fc.constantFrom(...jobs),
      fault: fc.constantFrom<JobFault>('refused', 'fails', 'killed', 'answer-lost', 'away'),
      times: fc.integer({ min: 1, max: 4 }),
    }),
    { maxLength: 4 },
  ),
  size: fc.constantFrom(3, 5),
  away: fc.option(fc.record({ from: fc.nat({ max: 400 }), calls: fc.integer({ min: 1, max: 60 }) }), {
    nil: undefined,
  }),
  kill: fc.option(fc.record({ put: fc.integer({ min: 1, max: 70 }), before: fc.boolean() }), { nil: undefined }),
  person: fc.array(fc.constantFrom('resume', 'revert', 'accept', 'restore'), { maxLength: 4 }),
});

const point = pointId.parse('backup-20260219-010000');
const config = {
  backup: { minimumFreeShare: 0.05 },
  janusgraph: { replicationFactor: 3 },
} as RunbookServices['config'];

/** Plays one history to its end. One line for each thing that must not be. */
export async function playHistory({ faults, kill, person, size = 3, away }: Drawn): Promise<readonly string[]> {
  const wrong: string[] = [];
  const clock = new HastyClock();
  let calls = 0;
  let failing = false;
  const bucket = new MemoryStore({
    calls: async (_method, key) => {
      // The numbers of past failures are of before there was an audit chain here.
      if (!key.startsWith('audit/')) calls += 1;
      bucket.unreachable = failing && away !== undefined && calls >= away.from && calls < away.from + away.calls;
    },
  });
  const machine = new FakeMachine();
  const ids = countingIds();
  const signer = memorySigner();
  const nodes = ['a', 'b', 'c', 'd', 'e'].slice(0, size).map((name) => new RingNode(name, () => bucket, clock));
  const graph = new RingGraph();
  await backUp(nodes, bucket, clock);
  for (const node of nodes) node.write('after');

  /** What this history itself looks at is looked at without faults. */
  const looking = async <T>(look: () => Promise<T>): Promise<T> => {
    const before = { failing, calls };
    failing = false;
    try {
      return await look();
    } finally {
      ({ failing, calls } = before);
    }
  };
  const worldOf = (store: ObjectStore): EngineWorld & RunsWorld => ({
    store,
    clock,
    ids,
    actor: { name: 'dana', via: 'cli', host: 'here' },
    processes: machine.process(),
    signer,
  });
  const servicesOf = (store: ObjectStore): RunbookServices => ({
    platform: simulatedPlatform(nodes, graph, store),
    config,
    clock,
  });
  const run = async (work: (world: EngineWorld, services: RunbookServices) => Promise<RunOutcome>) => {
    const world = worldOf(bucket);
    try {
      return await work(world, servicesOf(bucket));
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    } finally {
      // The command has ended; a person needs a moment for the next one.
      (world.processes as ReturnType<FakeMachine['process']>).die();
      await clock.sleep(40_000);
    }
  };
  const begin = <P>(runbook: Runbook<P, RunbookServices>, params: unknown) =>
    run((world, services) =>
      startRun(world, simulated(runbook), { environment: 'local', params, services, confirmed: 'local' }),
    );
  const restoreParams = { point, replay: false, newBase: false };

  arm(nodes, faults);
  failing = true;
  calls = 0;
  // The first command, which may die.
  const dying = kill === undefined ? undefined : dyingStore(bucket, kill.put, kill.before);
  const store = dying?.store ?? bucket;
  const first = worldOf(store);
  const going = startRun(first, simulated(restoreRunbook), {
    environment: 'local',
    params: restoreParams,
    services: servicesOf(store),
    confirmed: 'local',
  }).catch((error: unknown) => error);
  const ended = dying === undefined ? await going : await Promise.race([going, dying.death]);
  if (ended === 'dead') {
    (first.processes as ReturnType<FakeMachine['process']>).die();
    await clock.sleep(40_000);
  }

  const restores = async () =>
    looking(async () => (await listRuns(worldOf(bucket), { limit: 10, runbook: 'restore' })).map(({ run: id }) => id));
  const [original] = await restores();
  let accepted = false;
  const decide = async (what: Drawn['person'][number], id: string | undefined) => {
    const restore = runId.safeParse(id);
    switch (what) {
      case 'restore':
        return begin(restoreRunbook, restoreParams);
      case 'resume':
        return run((world, services) => resumeRun(world, findSimulated, { run: id ?? 'none', services }));
      case 'revert':
        return begin(revertRunbook, { restore: restore.data, newBase: false });
      case 'accept': {
        const finished = await isWhole(id);
        const outcome = await begin(acceptRunbook, { restore: restore.data });
        // From its first delete on an accept only goes forward.
        const { undecided, decided } = await looking(async () => restoreDecisions(worldOf(bucket)));
        const begun = undecided.some(({ record }) => record.state === 'accepting');
        const done = id !== undefined && decided.get(id)?.state === 'accepted';
        if (begun || done || (!(outcome instanceof Problem) && outcome.status === 'succeeded')) {
          if (!finished && !accepted) wrong.push('a restore that had not come to its end was accepted');
          accepted = true;
        }
        return outcome;
      }
    }
  };
  const isWhole = async (id: string | undefined) =>
    (await looking(async () => restoreDecisions(worldOf(bucket)))).undecided.some(
      ({ record, state }) => record.run === id && (state?.status === 'succeeded' || record.state === 'accepting'),
    );

  for (const what of person) {
    if (original === undefined && what !== 'restore') continue;
    await decide(what, original);
    if (!accepted && !nodes.every((node) => holds(node, 'after')))
      wrong.push(`after ${what}: the data of before is gone from a node`);
  }

  // From here on nothing fails any more, and the person does what Cardea names.
  failing = false;
  for (const node of nodes) {
    node.faults.clear();
    node.startFails = 0;
  }
  for (let turn = 0; turn < 6; turn += 1) {
    const world = worldOf(bucket);
    const { undecided, decided } = await restoreDecisions(world);
    const open = undecided.map((restore) => ({ restore, way: wayOn(restore) }));
    const broken = open.find(({ way }) => way.kind === 'broken');
    // As `status` has it: the newest run of each runbook counts.
    const newest = new Map<string, string>();
    for (const each of await listRuns(world, { limit: 20 })) {
      if (each.status !== 'damaged' && !newest.has(each.runbook))
        newest.set(each.runbook, each.status === 'interrupted' && !isMoot(each, decided) ? each.run : '');
    }
    const interrupted = [...newest.values()].find((run) => run !== '');
    const [first] = open;
    const told =
      broken?.way.next ??
      (interrupted === undefined ? undefined : (first?.way.next ?? `cardea run resume ${interrupted}`));
    if (told === undefined) break;
    const outcome = await follow(told, { decide, run });
    if (turn === 5) wrong.push(`six ways on were followed, the last ${told}: ${wordOf(outcome)}`);
  }

  const contents = new Set(nodes.map(({ content }) => content));
  if (contents.size !== 1) wrong.push(`the nodes hold ${[...contents].map(String).join(' and ')}`);
  if (![...contents].every((content) => content === 'before' || content === 'after')) {
    wrong.push(`the nodes hold ${[...contents].map(String).join(', ')}`);
  }
  if (!nodes.every(({ up }) => up)) wrong.push('a node is down');
  if (!graph.up) wrong.push('the graph is down');
  return wrong;
}

/** The named command, as a person types it. */
async function follow(
  told: string,
  {
    decide,
    run,
  }: {
    readonly decide: (what: Drawn['person'][number], id: string) => Promise<RunOutcome | Problem>;
    readonly run: (
      work: (world: EngineWorld, services: RunbookServices) => Promise<RunOutcome>,
    ) => Promise<RunOutcome | Problem>;
  },
): Promise<RunOutcome | Problem> {
  const [, verb = '', id = ''] = /^cardea (?:run|restore) (resume|revert|accept) (\S+)/.exec(told) ?? [];
  if (verb === 'resume') {
    return run((world, services) => resumeRun(world, findSimulated, { run: id.replace(/,$/, ''), services }));
  }
  if (verb === 'revert' || verb === 'accept') return decide(verb, id);
  throw new TypeError(`not a way on: ${told}`);
}

function wordOf(outcome: RunOutcome | Problem): string {
  if (outcome instanceof Problem) return `${outcome.code}: ${outcome.happened}`;
  return `${outcome.status} ${outcome.problem?.code ?? ''} ${outcome.problem?.happened ?? ''}`;
}

/** Whether the node still has the data, live or aside. */
function holds(node: RingNode, content: string): boolean {
  return node.content === content || [...node.asides.values()].includes(content);
}

function arm(nodes: readonly RingNode[], faults: readonly DrawnFault[]): void {
  for (const { node: index, job, fault, times } of faults) {
    const node = nodes[index];
    if (node === undefined) continue;
    if (job === 'start') node.startFails += times;
    else node.faults.set(job, [...(node.faults.get(job) ?? []), ...Array.from({ length: times }, () => fault)]);
  }
}

async function backUp(nodes: readonly RingNode[], bucket: MemoryStore, clock: HastyClock): Promise<void> {
  const context = { signal: new AbortController().signal, progress: () => {} };
  for (const node of nodes) {
    const agent = node.agent();
    await agent.run({ run: 'backup', step: 'snapshot', epoch: 0 }, 'snapshot', { point }, context);
    await agent.run({ run: 'backup', step: 'upload', epoch: 0 }, 'upload', { point, mode: 'full' }, context);
    await agent.run({ run: 'backup', step: 'clear', epoch: 0 }, 'clear-snapshot', { point }, context);
  }
  await createPoint(bucket, {
    id: point,
    environment: 'local',
    timeline: 't0001',
    run: 'backup-20260219-010000-aaaa',
    takenAt: clock.now().toISOString(),
    snapshot: { from: '2026-02-19T01:00:00.000000Z', to: '2026-02-19T01:00:01.000000Z' },
    mode: 'full',
    cut: 'quiesced',
    proof: 'checked',
    nodes: nodes.map(({ name }) => ({
      node: name,
      hostId: name,
      tokens: ['0'],
      datacenter: 'dc1',
      rack: 'rack1',
      bytes: 10,
      files: 1,
      newBytes: 10,
      inventory: `inventories/${point}/${name}.json`,
    })),
    bytes: 30,
    newBytes: 30,
    cassandraVersion: '5.0.6',
    schemaVersion: 's',
    keyspace: 'bank',
    replicationFactor: 3,
    seconds: { taken: 1 },
  } as unknown as Parameters<typeof createPoint>[1]);
}

/** The runbook as it is, but for the steps that read the graph itself: this ring has none. */
function simulated<P>(runbook: Runbook<P, RunbookServices>): Runbook<P, RunbookServices> {
  const stubs: Readonly<Record<string, object>> = {
    'note-ids': { known: false },
    'make-sound': { instancesCleared: 0, locksCleared: 0, idBlocksAdvanced: 0 },
    'rebuild-index': { rebuilt: [] },
    verify: { fingerprint: {}, compared: false, elements: 0, seconds: 0 },
    'record-proof': {},
  };
  return {
    ...runbook,
    steps: runbook.steps.map((step) => {
      const stub = stubs[step.id];
      return stub === undefined ? step : { ...step, result: anything, run: async () => stub };
    }),
  } as Runbook<P, RunbookServices>;
}

const anything = { safeParse: (data: unknown) => ({ success: true, data }) };

function findSimulated(name: string, version: number) {
  const found = findRunbook(name, version);
  return found === undefined ? undefined : simulated(found);
}
