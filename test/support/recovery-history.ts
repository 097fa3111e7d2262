import * as fc from 'fast-check';
import type { RunsWorld } from '../../src/journal/runs.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { replay } from '../../src/journal/run-state.ts';
import { listRuns } from '../../src/journal/runs.ts';
import { configSchema } from '../../src/model/config.ts';
import { timelineId } from '../../src/model/identifiers.ts';
import { micros, microsOf } from '../../src/model/instant.ts';
import { FailedProblem, Problem } from '../../src/model/problem.ts';
import { jobParams } from '../../src/ports/node-agent-wire.ts';
import type { JobKind } from '../../src/ports/node-agent.ts';
import type { Runbook } from '../../src/runbook/define.ts';
import { type EngineWorld, requestCancel, resumeRun, type RunOutcome, startRun } from '../../src/runbook/engine.ts';
import { listPoints } from '../../src/runbooks/catalog/point-catalog.ts';
import { listOpenRestores, listRestores } from '../../src/runbooks/catalog/restore-catalog.ts';
import {
  acceptRunbook,
  backupRunbook,
  findRunbook,
  rehearseRunbook,
  restoreIntoRunbook,
  restoreRunbook,
  revertRunbook,
  type RunbookServices,
} from '../../src/runbooks/index.ts';
import type { CliContext } from '../../src/cli/context.ts';
import {
  type Decided,
  decideTarget,
  factsOf,
  rehearsable,
  replayParamsOf,
} from '../../src/cli/commands/restore/target.ts';
import { runsWithWays } from '../../src/cli/commands/status/collect.ts';
import { environmentStatus } from '../../src/cli/commands/status/signals.ts';
import { restoreDecisions } from '../../src/cli/runs/undecided-restore.ts';
import { FakeMachine, memorySigner } from './engine-world.ts';
import { countingIds } from './fake-clock.ts';
import { FaultyStore, type StoreFaults } from './faulty-store.ts';
import { HastyClock } from './hasty-clock.ts';
import { MemoryStore } from './memory-store.ts';
import { RecoveryOracle } from './recovery-oracle.ts';
import type { Cell } from './ring-cells.ts';
import { SimulatedRing } from './simulated-platform.ts';
import { schemaOf } from './simulated-shipping.ts';
import { type Ending, SimulatedProcess } from './simulated-process.ts';
import type { JobFault } from './simulated-ring.ts';

export interface DrawnFault {
  readonly job: JobKind;
  /** One bit for each node. */
  readonly nodes: number;
  readonly fault: JobFault;
  readonly times: number;
  /** On the nodes of the first copies, not on those of the environment. */
  readonly copy?: boolean | undefined;
}

/** What a person does. `told`: what Cardea names. `heal`: start by hand what does not run. */
const deeds = [
  'restore',
  'instant',
  'undo',
  'into',
  'backup',
  'rehearse',
  'resume',
  'revert',
  'accept',
  'cancel',
  'told',
  'heal',
] as const;
type Deed = (typeof deeds)[number];

interface Move {
  readonly deed: Deed;
  /** How the command ends before it is done. */
  readonly ending?: Ending | undefined;
  /** The next one is begun at the same time. */
  readonly together?: boolean | undefined;
  /** Which of several: the newest run or restore is 0. */
  readonly which?: number | undefined;
  /** The wall clock of the person's machine is set by so many seconds before it. */
  readonly clock?: number | undefined;
  /** A new base is taken after it, as the commands do. */
  readonly base?: boolean | undefined;
}

export interface Drawn {
  readonly faults: readonly DrawnFault[];
  readonly size?: 3 | 5 | undefined;
  readonly racks?: 1 | 2 | undefined;
  readonly store?: StoreFaults | undefined;
  /** Starts and stops of servers that fail. */
  readonly services?: Partial<Readonly<Record<'start' | 'stop' | 'graph-start' | 'graph-stop', number>>> | undefined;
  /** Applications write after so many acts of a command, while the graph serves. */
  readonly busy?: number | undefined;
  /** Nodes whose roles and passwords are lost before the first command: one bit for each. */
  readonly rolesLost?: number | undefined;
  /** Before the first command an application makes a table that no backup has. */
  readonly tableMade?: boolean | undefined;
  readonly person: readonly Move[];
  /** Of what is named at the end, take the way back where there are two. */
  readonly back?: boolean | undefined;
}

export const jobKinds = Object.keys(jobParams) as JobKind[];
const jobFaults = ['refused', 'fails', 'killed', 'answer-lost', 'late', 'away', 'away-and-back', 'gone'] as const;

const optionally = <T>(arbitrary: fc.Arbitrary<T>, freq = 1) => fc.option(arbitrary, { nil: undefined, freq });

const move: fc.Arbitrary<Move> = fc.record({
  deed: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom<Deed[]>('restore', 'instant', 'resume', 'revert', 'accept', 'told') },
    { weight: 3, arbitrary: fc.constantFrom<Deed[]>('undo', 'into', 'backup', 'rehearse', 'cancel', 'heal') },
  ),
  ending: optionally(
    fc.record({
      at: fc.integer({ min: 1, max: 160 }),
      before: fc.boolean(),
      how: fc.constantFrom('killed', 'killed', 'interrupted'),
    }),
  ),
  together: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant(true) }),
  which: fc.constantFrom(0, 0, 0, 1),
  clock: fc.oneof(
    { weight: 12, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(-7200, -45, 0, 45, 7200) },
  ),
  base: fc.constantFrom(undefined, undefined, true),
});

/** What is done on a copy, begun together with what is done in the environment, in either order. */
const besideAnother: fc.Arbitrary<readonly Move[]> = fc
  .record({ beside: move, other: move, deed: fc.constantFrom<Deed[]>('rehearse', 'into'), first: fc.boolean() })
  .chain(({ beside, other, deed, first }) =>
    fc
      .constantFrom<Deed[]>('backup', 'backup', 'backup', 'restore', 'instant', 'undo', 'rehearse', 'resume', 'revert')
      .map((otherDeed) => {
        const pair = [
          { ...beside, deed },
          { ...other, deed: otherDeed },
        ] as const;
        const [one, two] = first ? pair : pair.toReversed();
        return [...(one === undefined ? [] : [{ ...one, together: true }]), ...(two === undefined ? [] : [two])];
      }),
  );

const moves: fc.Arbitrary<readonly Move[]> = fc.oneof(
  { weight: 5, arbitrary: move.map((each) => [each]) },
  { weight: 1, arbitrary: besideAnother },
);

/** Anything may go wrong. */
const faulty: fc.Arbitrary<Drawn> = fc.record({
  faults: fc.array(
    fc.record({
      job: fc.constantFrom(...jobKinds),
      nodes: fc.integer({ min: 1, max: 31 }),
      fault: fc.constantFrom(...jobFaults),
      times: fc.integer({ min: 1, max: 4 }),
      copy: fc.constantFrom(undefined, undefined, undefined, true),
    }),
    { maxLength: 4 },
  ),
  size: fc.constantFrom(3, 3, 5),
  racks: fc.constantFrom(1, 2),
  store: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    {
      weight: 2,
      arbitrary: fc.oneof(
        fc.record({ away: fc.record({ from: fc.nat({ max: 900 }), calls: fc.integer({ min: 1, max: 80 }) }) }),
        fc.record({ lost: fc.integer({ min: 1, max: 250 }) }),
        fc.record({
          sick: fc.record({ at: fc.integer({ min: 1, max: 900 }), calls: fc.integer({ min: 1, max: 40 }) }),
        }),
        fc.record({
          lag: fc.record({
            from: fc.nat({ max: 900 }),
            calls: fc.integer({ min: 1, max: 40 }),
            objects: fc.integer({ min: 1, max: 3 }),
          }),
        }),
      ),
    },
  ),
  services: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<NonNullable<Drawn['services']>[]>(
        { start: 1 },
        { start: 3 },
        { stop: 1 },
        { stop: 2 },
        { 'graph-start': 1 },
        { 'graph-stop': 1 },
        { start: 1, stop: 1 },
      ),
    },
  ),
  busy: fc.constantFrom(undefined, undefined, 15, 40),
  rolesLost: fc.oneof(
    { weight: 7, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 31 }) },
  ),
  tableMade: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant(true) }),
  person: fc.array(moves, { minLength: 1, maxLength: 4 }).map((all) => all.flat()),
  back: fc.boolean(),
});

/**
 * Nothing goes wrong but that what changes the environment is killed, one command after the other: two that were left at the right moments each are
 * too rare among all the rest.
 */
const left: fc.Arbitrary<Drawn> = fc.record({
  faults: fc.constant([]),
  person: fc.array(
    fc.record({
      deed: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom<Deed[]>('restore', 'instant', 'revert', 'revert', 'resume', 'told') },
        { weight: 2, arbitrary: fc.constantFrom<Deed[]>('accept', 'undo', 'cancel', 'backup') },
      ),
      ending: fc.oneof(
        { weight: 1, arbitrary: fc.constant(undefined) },
        {
          weight: 4,
          arbitrary: fc.record({
            at: fc.integer({ min: 1, max: 140 }),
            before: fc.boolean(),
            how: fc.constantFrom('killed', 'killed', 'interrupted'),
          }),
        },
      ),
      which: fc.constantFrom(0, 0, 0, 1),
    }),
    { minLength: 2, maxLength: 5 },
  ),
  back: fc.boolean(),
});

export const history: fc.Arbitrary<Drawn> = fc.oneof({ weight: 3, arbitrary: faulty }, { weight: 1, arbitrary: left });

const { config } = (() => {
  const parsed = configSchema.parse({
    name: 'simulated',
    environments: { local: { platform: { kind: 'sandbox' }, janusgraph: { keyspace: 'bank' } } },
  });
  const [local] = Object.values(parsed.environments);
  if (local === undefined) throw new TypeError('the configuration lacks its environment');
  return { config: local };
})();

interface Beginning {
  readonly ms: number;
  readonly bucket: MemoryStore;
  readonly ring: SimulatedRing;
  readonly oracle: RecoveryOracle;
  readonly writes: number;
}

const beginnings = new Map<string, Promise<Beginning>>();

/** An environment that was written to, backed up and written to again: made once for each form of ring. */
export async function beginningOf(size: 3 | 5, racks: 1 | 2): Promise<Beginning> {
  const name = `${size} ${racks}`;
  const known = beginnings.get(name) ?? makeBeginning(size, racks);
  beginnings.set(name, known);
  return known;
}

async function makeBeginning(size: 3 | 5, racks: 1 | 2): Promise<Beginning> {
  const played = new Played({ faults: [], size, racks, person: [] });
  const { ring, clock, bucket, oracle } = played;
  await bucket.put(
    'timelines/t0001.json',
    `${JSON.stringify({
      kind: 'timeline',
      version: 1,
      id: 't0001',
      environment: 'local',
      exclusions: [],
      openedAt: '2026-02-19T02:00:00.000000Z',
      why: 'the shipping of the log of this environment began',
    })}\n`,
  );
  for (const node of ring.nodes) node.bootstrap();
  await ring.startGraph();
  await played.write();
  await clock.sleep(20_000);
  await played.write();
  const outcome = await played.begin(
    played.newProcess(),
    backupRunbook,
    { mode: 'full', cut: 'quiesced', retention: false },
    true,
  );
  if (outcome instanceof Problem || outcome.status !== 'succeeded')
    throw new TypeError(`no beginning: ${wordOf(outcome)}`);
  for (const node of ring.nodes) node.changeRoles();
  await clock.sleep(60_000);
  await played.write();
  await clock.sleep(60_000);
  await played.write();
  await clock.sleep(20_000);
  await ring.ship();
  return { ms: clock.now().getTime(), bucket, ring, oracle, writes: played.writes };
}

export type Outcome = RunOutcome | Problem;

export interface Watching {
  /** Told of each kind of job that was run. */
  readonly onJob?: (kind: JobKind) => void;
  /** Told how each command ended. */
  readonly tell?: (line: string) => void;
}

/** Plays one history to its end. One line for each thing that must not be. */
export async function playHistory(drawn: Drawn, { onJob, tell }: Watching = {}): Promise<readonly string[]> {
  const played = new Played(drawn, await beginningOf(drawn.size ?? 3, drawn.racks ?? 1), tell);
  try {
    await played.play();
  } finally {
    played.clock.forget();
  }
  for (const ring of [played.ring, ...played.made])
    for (const node of ring.nodes) for (const kind of node.begun) onJob?.(kind);
  return [...new Set(played.oracle.wrong)];
}

/** An environment with its bucket, and everything that may be done to it. */
export class Played {
  readonly clock: HastyClock;
  readonly bucket = new MemoryStore();
  readonly store: FaultyStore;
  readonly ring: SimulatedRing;
  readonly oracle = new RecoveryOracle(this.bucket);
  /** Copies. */
  readonly made: SimulatedRing[] = [];
  writes: number;
  /** Of a restore in place; what a drawn history has no fault for. */
  proofFails = false;
  readonly #drawn: Drawn;
  readonly #machine = new FakeMachine();
  readonly #ids = countingIds();
  readonly #signer = memorySigner();
  readonly #worlds = new WeakMap<SimulatedProcess, EngineWorld & RunsWorld>();
  #clockSetBy = 0;
  /** Somebody was told to start servers by hand. */
  #toldToStart = false;

  readonly #tell: (line: string) => void;

  constructor(drawn: Drawn, beginning?: Beginning, tell: (line: string) => void = () => {}) {
    this.#tell = tell;
    const { size = 3, racks = 1, store = {} } = drawn;
    this.#drawn = drawn;
    this.clock = new HastyClock(beginning?.ms);
    this.store = new FaultyStore(this.bucket, store, (key, before) => this.oracle.stored(key, before));
    this.ring = SimulatedRing.of(size, racks, {
      bucket: () => this.store,
      clock: this.clock,
      onChange: (node, change) => this.oracle.changes(node, change),
      onShipped: (cells) => this.oracle.shipped(cells),
    });
    this.ring.onCopy = (copy) => {
      this.made.push(copy);
      // One that is made when nothing fails any more has no faults either.
      if (this.store.failing) this.#arm(copy, true);
    };
    this.writes = beginning?.writes ?? 0;
    beginning?.bucket.copyTo(this.bucket);
    beginning?.ring.copyTo(this.ring);
    beginning?.oracle.copyTo(this.oracle);
    this.oracle.ring = this.ring;
  }

  /** The wall clock of the person's machine from here on, in seconds beside everybody's. */
  setClock(seconds: number): void {
    this.#clockSetBy = seconds * 1000;
  }

  async play(): Promise<void> {
    const { person, services = {} } = this.#drawn;
    this.#arm(this.ring, false);
    this.ring.stopFails = services.stop ?? 0;
    this.ring.graph.startFails = services['graph-start'] ?? 0;
    this.ring.graph.stopFails = services['graph-stop'] ?? 0;
    const [first] = this.ring.nodes;
    if (first !== undefined) first.startFails = services.start ?? 0;
    for (const [at, node] of this.ring.nodes.entries()) {
      if ((((this.#drawn.rolesLost ?? 0) >> at) & 1) === 0) continue;
      node.loseRoles();
      this.oracle.withoutRoles.add(node.name);
    }
    if (this.#drawn.tableMade === true) await this.makeTable();
    this.store.failing = true;
    for (let at = 0; at < person.length; at += 1) {
      const now = [person[at], ...(person[at]?.together === true ? [person[at + 1]] : [])].filter(
        (each) => each !== undefined,
      );
      at += now.length - 1;
      await this.#doAll(now);
    }
    // From here on nothing fails any more, and the person does what Cardea names.
    this.store.failing = false;
    for (const ring of [this.ring, ...this.made]) {
      for (const node of ring.nodes) {
        node.faults.clear();
        node.startFails = 0;
      }
      ring.stopFails = 0;
      ring.graph.startFails = 0;
      ring.graph.stopFails = 0;
    }
    await this.clock.sleep(40_000);
    await this.#follow();
    this.oracle.settled();
  }

  /** What Cardea names, until it names nothing any more. */
  async #follow(): Promise<void> {
    for (let turn = 0; turn < 6; turn += 1) {
      const told = await this.told();
      this.#tell(`— at the end: ${told ?? 'nothing is named'}`);
      if (told === undefined) {
        if (!this.#toldToStart || (this.ring.isUp && this.ring.graph.up)) return;
        for (const node of this.ring.nodes) node.start();
        await this.ring.startGraph();
        return;
      }
      const failedBefore = await this.#failuresOf(told);
      // What moves data starts the agents itself; for any other run their supervisor does.
      if (!/ (restore|revert|accept)-/.test(told)) for (const node of this.ring.nodes) node.agentGone = false;
      const outcome = await this.carryOut({ deed: 'told', which: turn }, this.newProcess());
      // What another run has overtaken, by a restore or by a copy of the same name, ends where it is carried on: it has
      // cleaned up, and nothing is named any more.
      const code = outcome instanceof Problem ? undefined : outcome.problem?.code;
      if (code === 'history-changed' || code === 'copy-exists') continue;
      // One that was to be cancelled ends so; with its data half in place it is named again, with the ways on and back.
      if (code === 'cancelled') continue;
      // A run that had failed before it moved anything ends so: nothing has changed.
      const isLeft = !(outcome instanceof Problem) && failedBefore.has(code ?? '');
      if (isLeft && !(await this.#moved(outcome.run))) continue;
      if (outcome instanceof Problem || outcome.status !== 'succeeded') {
        this.oracle.wrong.push(`the named way ${told} did not work: ${wordOf(outcome)}`);
        return;
      }
    }
    this.oracle.wrong.push(`six ways on were followed, and there is still one: ${await this.told()}`);
  }

  /** The command that status names for what is half done or waits. */
  async told(): Promise<string | undefined> {
    const process = this.newProcess();
    const world = this.worldOf(process);
    const look = { ...world, store: this.bucket };
    const [points, decisions, runs] = await Promise.all([
      listPoints(this.bucket),
      restoreDecisions(look),
      runsWithWays(look, 'local'),
    ]);
    const { signals } = environmentStatus({
      environment: 'local',
      config,
      now: look.clock.now(),
      nodes: [],
      ring: [],
      store: { description: 'bucket' },
      points,
      ...decisions,
      ...runs,
      window: undefined,
    });
    const named = ['decisions', 'runs'].flatMap((name) => signals.filter((each) => each.name === name));
    return named.flatMap(({ next }) => (next !== undefined && command.test(next) ? [next] : []))[0];
  }

  /** Codes of the steps that had failed when the run that is to be carried on broke off. */
  async #failuresOf(told: string): Promise<ReadonlySet<string>> {
    const [, verb, run = ''] = command.exec(told) ?? [];
    const { events } = await readJournal(this.bucket, run.replace(/,$/, ''));
    const failed = verb === 'resume' ? Object.values(replay(events)?.steps ?? {}) : [];
    return new Set(failed.flatMap(({ problem }) => (problem === undefined ? [] : [problem.code])));
  }

  async #moved(run: string): Promise<boolean> {
    return (await listRestores(this.bucket)).some((record) => record.run === run && record.state !== 'reverted');
  }

  async #doAll(moves: readonly Move[]): Promise<void> {
    const before = this.oracle.print();
    this.#tell(`— ${moves.map((each) => JSON.stringify(each)).join(' and ')}`);
    const outcomes = await Promise.all(moves.map(async (each) => this.#do(each)));
    await this.clock.sleep(40_000);
    const [only] = outcomes;
    if (outcomes.length === 1 && only !== undefined && only !== 'dead' && this.#drawn.busy === undefined) {
      const refused = only instanceof Problem || only.status === 'refused';
      const after = refused ? this.oracle.print() : before;
      if (after !== before) {
        this.oracle.wrong.push(`${moves[0]?.deed} was refused (${wordOf(only)}), and something has changed`);
      }
    }
    await this.write();
  }

  async #do(move: Move): Promise<Outcome | 'dead'> {
    if (move.clock !== undefined) this.#clockSetBy = move.clock * 1000;
    const process = this.newProcess(move.ending);
    const going = this.carryOut(move, process);
    const outcome = await Promise.race([going, process.death]);
    if (outcome === 'dead') this.#tell(`${move.deed}: killed`);
    if (outcome === 'dead') return 'dead';
    if (move.base === true && !(outcome instanceof Problem) && outcome.status === 'succeeded') {
      const restored = /^(restore|revert)-\d/.test(outcome.run);
      const base = this.newProcess();
      if (restored) await this.begin(base, backupRunbook, { cut: 'fuzzy', retention: false });
      base.end();
    }
    return outcome;
  }

  newProcess(ending?: Ending): SimulatedProcess {
    const { busy } = this.#drawn;
    let acts = 0;
    return new SimulatedProcess(ending, async () => {
      acts += 1;
      if (busy !== undefined && acts % busy === 0 && this.store.failing) await this.write();
    });
  }

  worldOf(process: SimulatedProcess): EngineWorld & RunsWorld {
    const known = this.#worlds.get(process);
    if (known !== undefined) return known;
    const processes = this.#machine.process();
    process.whenGone(() => processes.die());
    const world = {
      store: process.storeOf(this.store),
      clock: this.clock.setBy(() => this.#clockSetBy),
      ids: this.#ids,
      actor: { name: 'dana', via: 'cli', host: 'here' },
      processes,
      signer: this.#signer,
    } as const;
    this.#worlds.set(process, world);
    return world;
  }

  async carryOut(move: Move, process: SimulatedProcess): Promise<Outcome> {
    try {
      return await this.#carriedOut(move, process);
    } catch (thrown) {
      if (thrown instanceof Problem) return thrown;
      throw thrown;
    } finally {
      // The command has ended, and its process with it.
      process.end();
    }
  }

  async #carriedOut({ deed, which = 0 }: Move, process: SimulatedProcess): Promise<Outcome> {
    const context = this.#context(process);
    const inPlace = (decided: Decided) => ({
      point: decided.point.id,
      newBase: false,
      ...replayParamsOf(decided, { inPlace: true }),
    });
    switch (deed) {
      case 'restore': {
        const points = (await listPoints(this.bucket)).filter(({ proof }) => proof === 'checked' || proof === 'proven');
        return this.begin(
          process,
          restoreRunbook,
          { point: points.at(which === 0 ? 0 : -1)?.id, newBase: false },
          true,
        );
      }
      case 'instant': {
        const to = which === 0 ? 'newest' : 'settled';
        return this.begin(process, restoreRunbook, inPlace(await decideTarget(context, 'local', { to })), true);
      }
      case 'undo': {
        const last = this.oracle.lastWrite;
        const wanted = { timeline: last?.timeline ?? 't0001', exclusions: [micros(last?.at ?? 0)] };
        return this.begin(process, restoreRunbook, inPlace(await decideTarget(context, 'local', wanted)), true);
      }
      case 'into': {
        const decided = await decideTarget(context, 'local', which === 0 ? { to: 'newest' } : {});
        const params = { point: decided.point.id, into: 'beside', ...replayParamsOf(decided, { inPlace: false }) };
        return this.begin(process, restoreIntoRunbook, params, true);
      }
      case 'rehearse': {
        const facts = await factsOf(context, 'local');
        const good = facts.points.filter(({ proof }) => proof === 'checked' || proof === 'proven');
        const point = good.at(which === 0 ? 0 : -1);
        const decided = point === undefined ? undefined : await rehearsable(facts, point);
        if (decided === undefined) throw new TypeError('there is no good point');
        const params = { point: decided.point.id, ...replayParamsOf(decided, { inPlace: false }) };
        return this.begin(process, rehearseRunbook, params);
      }
      case 'backup':
        return this.begin(process, backupRunbook, { cut: 'fuzzy' });
      case 'resume': {
        const runs = await listRuns({ ...this.worldOf(process), store: this.bucket }, { limit: 20 });
        const open = runs.filter(({ status }) => status !== 'succeeded' && status !== 'refused');
        return this.resume(process, (open[which] ?? open[0] ?? runs[0])?.run ?? 'none');
      }
      case 'cancel': {
        const runs = await listRuns({ ...this.worldOf(process), store: this.bucket }, { limit: 20 });
        const run = runs.find(({ status }) => status === 'interrupted')?.run;
        if (run === undefined) return this.#nothing('nothing to cancel');
        await requestCancel(this.worldOf(process), run);
        return this.#nothing('asked for');
      }
      case 'revert':
      case 'accept': {
        const records = (await listRestores(this.bucket)).toReversed();
        const restore = (records[which] ?? records[0])?.run;
        if (restore === undefined) return this.#nothing('no restore to decide');
        return this.#decide(process, deed, restore);
      }
      case 'heal': {
        // As `sandbox up` refuses to: while data is half in place, nobody starts servers on it.
        if ((await listOpenRestores(this.bucket)).length > 0) return this.#nothing('a restore is not decided');
        try {
          for (const node of this.ring.nodes) node.start();
          await this.ring.startGraph();
        } catch (thrown) {
          if (!(thrown instanceof Problem)) throw thrown;
          return this.#nothing(thrown.happened);
        }
        return this.#nothing('everything runs');
      }
      case 'told': {
        const told = await this.told();
        if (told === undefined) return this.#nothing('nothing is named');
        const ways = told.split(', or to go back: ');
        const way = (this.#drawn.back === true && which === 0 ? ways.at(-1) : ways[0]) ?? '';
        const [, verb = '', id = ''] = command.exec(way) ?? [];
        if (verb === 'resume') {
          return this.resume(process, id.replace(/,$/, ''), { confirmed: way.includes('--confirm local') });
        }
        return this.#decide(process, verb === 'accept' ? 'accept' : 'revert', id);
      }
    }
  }

  async #decide(process: SimulatedProcess, verb: 'accept' | 'revert', restore: string): Promise<Outcome> {
    return verb === 'accept'
      ? this.begin(process, acceptRunbook, { restore }, true)
      : this.begin(process, revertRunbook, { restore, newBase: false }, true);
  }

  async begin<P>(
    process: SimulatedProcess,
    runbook: Runbook<P, RunbookServices>,
    params: Readonly<Record<string, unknown>>,
    confirmed = false,
  ): Promise<Outcome> {
    const outcome = await this.#settled(async () =>
      startRun(this.worldOf(process), this.#simulated(runbook), {
        environment: 'local',
        params,
        services: this.#services(process),
        signal: process.signal,
        ...(confirmed ? { confirmed: 'local' } : {}),
      }),
    );
    this.#tell(`${runbook.name} ${JSON.stringify(params)}: ${wordOf(outcome)}`);
    const lockedOut = outcome instanceof Problem && outcome.code === 'environment-busy';
    if (lockedOut && runbook.copyOf !== undefined) this.oracle.wrong.push(`${runbook.name} was locked out`);
    this.#look(outcome);
    return outcome;
  }

  #look(outcome: Outcome): void {
    if (!(outcome instanceof Problem) && outcome.status === 'succeeded') this.oracle.succeeded(outcome.run);
  }

  /** `confirmed`: as the command was named; where nobody named it, a person does what the refusal says. */
  async resume(process: SimulatedProcess, run: string, typed: { readonly confirmed?: boolean } = {}): Promise<Outcome> {
    const find = (name: string, version: number) => {
      const found = findRunbook(name, version);
      return found === undefined ? undefined : this.#simulated(found);
    };
    const doneBefore = this.oracle.hasSucceeded(run);
    const attempt = async (confirmed?: string) =>
      this.#settled(async () =>
        resumeRun(this.worldOf(process), find, {
          run,
          services: this.#services(process),
          signal: process.signal,
          ...(confirmed === undefined ? {} : { confirmed }),
        }),
      );
    const first = await attempt(typed.confirmed === true ? 'local' : undefined);
    // Whose journal no key vouches for is confirmed once more, as the refusal says.
    const asked = typed.confirmed === undefined && first instanceof Problem && first.code === 'not-confirmed';
    const outcome = asked ? await attempt('local') : first;
    this.#tell(`${run}: ${wordOf(outcome)}`);
    if (!doneBefore) this.#look(outcome);
    return outcome;
  }

  async #settled(work: () => Promise<RunOutcome>): Promise<Outcome> {
    let outcome: Outcome;
    try {
      outcome = await work();
    } catch (thrown) {
      if (!(thrown instanceof Problem)) throw thrown;
      outcome = thrown;
    }
    const problem = outcome instanceof Problem ? outcome : outcome.problem;
    if (problem?.code === 'unexpected' || problem?.code === 'bad-document') {
      this.oracle.wrong.push(
        `a defect: ${problem.happened} ${problem.cause instanceof Error ? problem.cause.stack : ''}`,
      );
    }
    // What is done on a copy and what is done in the environment do not lock each other out.
    if (problem?.code === 'environment-busy' && /run (rehearse|restore-into)-/.test(problem.happened)) {
      this.oracle.wrong.push(`locked out by what is done on a copy: ${problem.happened}`);
    }
    this.#toldToStart ||= problem?.next.startsWith('Start the servers') === true;
    return outcome;
  }

  /** Applications write one transaction while the graph serves, and what they wrote is shipped. */
  async write(): Promise<void> {
    // What others do at this very millisecond comes before it.
    await this.clock.sleep(2);
    if (!this.ring.graph.up || !this.ring.isUp) return;
    // Several commands may go on at once: nothing that was done before is of the millisecond of the write.
    this.clock.tick();
    this.writes += 1;
    this.#tell(`  w${this.writes} is written`);
    const cell: Cell = {
      table: 'edgestore',
      key: Buffer.from(`w${String(this.writes).padStart(4, '0')}`).toString('hex'),
      column: Buffer.from('c').toString('hex'),
      at: this.ring.nextMicros(),
    };
    this.ring.write([cell]);
    this.oracle.wrote(cell);
    await this.ring.ship();
  }

  /** A restore to a later instant starts the nodes once without their log, and creates it. */
  async makeTable(): Promise<void> {
    await this.clock.sleep(2);
    const [first] = this.ring.nodes;
    await this.bucket.put(
      ...schemaOf(first?.shipping.timeline ?? timelineId.parse('t0001'), microsOf(this.clock.now()), true),
    );
    for (const { shipping } of this.ring.nodes) shipping.hasLaterTable = true;
    await this.write();
  }

  #services(process: SimulatedProcess): RunbookServices {
    return {
      platform: this.ring.platformFor(process),
      config,
      clock: this.clock.setBy(() => this.#clockSetBy),
    };
  }

  #context(process: SimulatedProcess): CliContext {
    const services = this.#services(process);
    return {
      clock: services.clock,
      signal: process.signal,
      environment: async (name: string) => ({ name, config, auditKey: '' }),
      platform: async () => services.platform,
    } as unknown as CliContext;
  }

  async #nothing(why: string): Promise<Outcome> {
    return {
      run: 'none',
      status: 'cancelled',
      results: {},
      seconds: 0,
      problem: undefined,
      unwritten: [why],
    } as unknown as RunOutcome;
  }

  #arm(ring: SimulatedRing, copy: boolean): void {
    for (const { job, nodes, fault, times, copy: ofCopy = false } of this.#drawn.faults) {
      for (const [at, node] of ring.nodes.entries()) {
        if (ofCopy !== copy || ((nodes >> at) & 1) === 0) continue;
        // A copy's agents are started with it, each time it is prepared.
        const felt = copy && fault === 'gone' ? 'away' : fault;
        node.faults.set(job, [...(node.faults.get(job) ?? []), ...Array.from({ length: times }, () => felt)]);
      }
    }
  }

  /** The runbook as it is, but for the steps that read every row of a graph: this ring has none. A success is looked at where it happens. */
  #simulated<P>(runbook: Runbook<P, RunbookServices>): Runbook<P, RunbookServices> {
    const { ring, oracle } = this;
    const run = async (context: { run: string; params: unknown; services: RunbookServices }): Promise<object> => {
      if (this.proofFails) throw proofFails();
      const copy = [...ring.copies].find(([name]) => name === copyNameOf(context))?.[1];
      if (copy !== undefined) oracle.copyIs(context.run, copy.content('edgestore'));
      return { fingerprint: {}, compared: false, elements: 0, seconds: 0 };
    };
    const rebuild = async (): Promise<object> => {
      ring.graph.index = 'rebuilt';
      return { rebuilt: [] };
    };
    return {
      ...runbook,
      steps: runbook.steps.map((step) => {
        if (step.id === 'verify' && runbook.name !== 'backup') return { ...step, result: anything, run };
        if (step.id === 'rebuild-index') return { ...step, result: anything, run: rebuild };
        return step;
      }),
    } as unknown as Runbook<P, RunbookServices>;
  }
}

const command = /^cardea (?:run|restore) (resume|revert|accept) (\S+)/;

function copyNameOf({ run, params }: { readonly run: string; readonly params: unknown }): string {
  const { into } = params as { into?: string };
  return into ?? `rehearsal-${run.slice(-4)}`;
}

export function wordOf(outcome: Outcome): string {
  if (outcome instanceof Problem) return `${outcome.code}: ${outcome.happened}`;
  return `${outcome.run} ${outcome.status} ${outcome.problem?.code ?? ''} ${outcome.problem?.happened ?? ''}`;
}

const anything = { safeParse: (data: unknown) => ({ success: true, data }) };

function proofFails(): FailedProblem {
  return new FailedProblem({
    code: 'fingerprint-differs',
    happened: 'The fingerprint differs.',
    state: 'The restored data is in place and serves.',
    next: 'Look at it.',
  });
}
