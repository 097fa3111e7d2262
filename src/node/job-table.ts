import { isDiskFull } from '../model/disk-full.ts';
import { tracedDocument } from '../model/fault-trace.ts';
import { farthestLeap } from '../model/lease-epoch.ts';
import { sha256 } from '../model/sha256.ts';
import { RefusedProblem, asProblem, freeDisk } from '../model/problem.ts';
import type { Progress } from '../model/progress.ts';
import type { AgentLog } from '../ports/agent-log.ts';
import type { Clock } from '../ports/clock.ts';
import type { JobKey, JobKind, JobParams } from '../ports/node-agent.ts';
import type { JobAnswer } from '../ports/node-agent-wire.ts';
import type { JobRunners } from './jobs/job-context.ts';
import type { StillThere } from './jobs/still-there.ts';
import type { JobRecord } from './job-record.ts';
import type { JobStore } from './job-store.ts';

/** Records of finished jobs older than this are dropped at the agent's start: no run is resumed after so long. */
const keptMs = 40 * 24 * 3_600_000;

export interface JobTableParts {
  readonly store: JobStore;
  readonly runners: JobRunners;
  readonly clock: Clock;
  readonly log: AgentLog;
  /** For messages: whose agent this is. */
  readonly environment?: string;
  /** Asked before each job: throws when it must not run here, such as when the bucket is not that of this environment. */
  readonly admit?: (job: JobKind, signal: AbortSignal) => Promise<void>;
  /** Asked before a success is answered from memory, by a look at the disk. */
  readonly stillThere?: StillThere;
}

/** The jobs of one agent. See the NodeAgent port for what starting, joining and epochs mean. */
export class JobTable {
  readonly #store: JobStore;
  readonly #runners: JobRunners;
  readonly #clock: Clock;
  readonly #log: AgentLog;
  readonly #environment: string;
  readonly #admit: NonNullable<JobTableParts['admit']>;
  readonly #stillThere: StillThere;
  readonly #jobs = new Map<string, JobRecord>();
  readonly #live = new Map<string, LiveJob>();
  #highestEpoch = 0;
  /** Lower than the highest one while a full disk keeps it from being written down. */
  #savedEpoch = 0;
  /** Ends when every job that was started has ended: the next one begins after it. */
  #queue: Promise<void> = Promise.resolve();
  #starting: Promise<unknown> = Promise.resolve();

  constructor(parts: JobTableParts) {
    this.#store = parts.store;
    this.#runners = parts.runners;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#environment = parts.environment ?? 'ENV';
    this.#admit = parts.admit ?? (async () => {});
    this.#stillThere = parts.stillThere ?? (async () => true);
  }

  get highestEpoch(): number {
    return this.#highestEpoch;
  }

  get runningJobs(): number {
    return this.#live.size;
  }

  /** Reads what the last agent left: jobs that it still ran died with it. */
  async recover(): Promise<void> {
    const { highestEpoch, jobs, damaged } = await this.#store.load();
    for (const [id, why] of damaged) {
      // As one that this agent never had: whoever asks for it again has it done again.
      this.#log.write('memory cannot be read', { id, why });
      await saved(async () => this.#store.forget(id));
    }
    this.#highestEpoch = highestEpoch;
    this.#savedEpoch = highestEpoch;
    const oldest = this.#clock.now().getTime() - keptMs;
    for (const [id, record] of jobs) {
      if (record.status.state !== 'running' && Date.parse(record.startedAt) < oldest) {
        await this.#store.forget(id);
        continue;
      }
      const lost = record.status.state === 'running';
      const kept: JobRecord = lost ? { ...record, status: { state: 'lost' } } : record;
      if (lost) {
        // As it is written down it says the same: that it runs, which without an agent it cannot.
        await saved(async () => this.#store.save(id, kept));
        this.#log.write('job lost', { id });
      }
      this.#jobs.set(id, kept);
    }
  }

  /** Starts the job, joins it while it runs, or answers with its result when it has succeeded. Throws RefusedProblem `stale-epoch`. */
  start<K extends JobKind>(key: JobKey, job: K, params: JobParams[K]): Promise<JobAnswer> {
    // One start after the other, so that two of the same key never both find that nothing runs.
    const started = this.#starting.then(async () => this.#start(key, job, params));
    this.#starting = started.catch(() => undefined);
    return started;
  }

  async #start<K extends JobKind>(key: JobKey, job: K, params: JobParams[K]): Promise<JobAnswer> {
    if (key.epoch < this.#highestEpoch) throw this.#staleEpoch(key);
    // An agent that has seen none yet may join an environment that is old.
    if (this.#highestEpoch > 0 && key.epoch - this.#highestEpoch > farthestLeap) throw this.#epochLeap(key);
    const id = jobId(key, job, params);
    const known = this.#jobs.get(id);
    const begun = known !== undefined;
    if (key.epoch > this.#savedEpoch) await this.#saveEpoch(key.epoch, { job, begun });
    this.#highestEpoch = key.epoch;
    const running = this.#live.get(id);
    if (running !== undefined && !running.superseded) {
      running.epoch = key.epoch;
      return this.#answer(id);
    }
    const done = running === undefined && known?.status.state === 'succeeded' && holdsStill(known, key);
    if (done && (await this.#stillThere(job, params))) return this.#answer(id);
    this.#supersede(key, job, params);
    if (movesData(job)) await this.#forgetMovesOfOthers(key.run);
    await running?.ended;
    const record: JobRecord = {
      ...key,
      job,
      params,
      startedAt: this.#clock.now().toISOString(),
      status: { state: 'running' },
    };
    await unlessFull({ job, begun }, async () => this.#store.save(id, record));
    this.#jobs.delete(id);
    this.#jobs.set(id, record);
    this.#launch(id, record, async (live) => {
      await this.#admit(job, live.abort.signal);
      return this.#runners[job](params, {
        signal: live.abort.signal,
        progress: (progress) => {
          live.progress = progress;
        },
        log: (event, fields) => this.#log.write(event, { id, ...fields }),
      });
    });
    return this.#answer(id);
  }

  /** Undefined when no such job was ever started here. Waits up to `waitMs` for a running one to end. */
  async status(id: string, waitMs = 0, signal?: AbortSignal): Promise<JobAnswer | undefined> {
    if (!this.#jobs.has(id)) return undefined;
    const live = this.#live.get(id);
    if (live !== undefined && waitMs > 0) {
      const wait = new AbortController();
      const until = signal === undefined ? wait.signal : AbortSignal.any([wait.signal, signal]);
      await Promise.race([live.ended, this.#clock.sleep(waitMs, until).catch(() => undefined)]);
      wait.abort();
    }
    return this.#answer(id);
  }

  /** The job of this run, step and kind that was started last. */
  newest(run: string, step: string, job: JobKind): JobAnswer | undefined {
    const found = [...this.#jobs].findLast(([, each]) => each.run === run && each.step === step && each.job === job);
    return found === undefined ? undefined : this.#answer(found[0]);
  }

  /** Ends what runs; the jobs are `lost`. */
  async stop(): Promise<void> {
    await this.#endAll('the agent stops');
  }

  /**
   * Ends what runs and begins with this epoch, also when it has seen a higher one: a person says that what it has seen is
   * of a bucket that is gone, or was forged.
   */
  async beginAt(epoch: number): Promise<void> {
    const begun = this.#starting.then(async () => this.#beginAt(epoch));
    this.#starting = begun.catch(() => undefined);
    return begun;
  }

  async #beginAt(epoch: number): Promise<void> {
    await this.#store.saveEpoch(epoch);
    this.#savedEpoch = epoch;
    this.#highestEpoch = epoch;
    await this.#endAll('a person bound the agent to its bucket');
  }

  async #endAll(why: string): Promise<void> {
    for (const live of this.#live.values()) this.#end(live, why);
    await Promise.all([...this.#live.values()].map(async (live) => live.ended));
  }

  #answer(id: string): JobAnswer {
    const record = this.#jobs.get(id);
    const live = this.#live.get(id);
    if (live !== undefined) {
      return { id, status: { state: 'running', ...(live.progress === undefined ? {} : { progress: live.progress }) } };
    }
    return { id, status: record?.status ?? { state: 'lost' } };
  }

  #launch(id: string, record: JobRecord, run: (live: LiveJob) => Promise<unknown>): void {
    const live: LiveJob = { record, epoch: record.epoch, abort: new AbortController(), superseded: false };
    this.#live.set(id, live);
    const before = this.#queue;
    live.ended = (async () => {
      await before;
      const from = this.#clock.monotonic();
      const seconds = () => Math.round((this.#clock.monotonic() - from) * 1000) / 1000;
      let status: JobRecord['status'];
      try {
        live.abort.signal.throwIfAborted();
        this.#log.write('job started', { id, job: record.job, params: record.params, epoch: live.epoch });
        status = { state: 'succeeded', result: await run(live), seconds: seconds() };
      } catch (thrown) {
        const problem = tracedDocument(asProblem(thrown, `The job ${record.job} failed`));
        // Nobody asks how a job ended that had to end; a fault in its ending is for the log alone.
        if (live.superseded && thrown !== live.abort.signal.reason) this.#log.write('job broke off', { id, problem });
        status = live.superseded ? { state: 'lost' } : { state: 'failed', problem, seconds: seconds() };
      }
      const ended: JobRecord = { ...record, epoch: live.epoch, status };
      // What cannot be written down is still answered while this agent lives; after it, the job is lost and runs anew.
      await this.#store.save(id, ended).catch((thrown: unknown) => {
        const problem = tracedDocument(asProblem(thrown, `Saving the record of ${record.job} failed`));
        this.#log.write('record not saved', { id, problem });
      });
      this.#jobs.set(id, ended);
      this.#live.delete(id);
      if (this.#savedEpoch < this.#highestEpoch) {
        await this.#saveEpoch(this.#highestEpoch, { job: record.job, begun: true }).catch((thrown: unknown) => {
          this.#log.write('epoch not saved', { problem: tracedDocument(asProblem(thrown, 'Saving the epoch failed')) });
        });
      }
      this.#log.write('job ended', { id, ...status });
    })();
    this.#queue = live.ended;
  }

  async #saveEpoch(epoch: number, what: Beginning): Promise<void> {
    if (await unlessFull(what, async () => this.#store.saveEpoch(epoch))) this.#savedEpoch = epoch;
  }

  /** Ends running jobs that have no right to go on: those of a lower epoch, and work on a point that is now being cleared or deleted. */
  #supersede<K extends JobKind>(key: JobKey, job: K, params: JobParams[K]): void {
    for (const live of this.#live.values()) {
      if (live.epoch < key.epoch) this.#end(live, `epoch ${key.epoch} holds the lease`);
      else if (removesPoint(job) && worksOnPoint(live.record.job) && pointOf(live.record.params) === pointOf(params)) {
        this.#end(live, `${job} was asked for`);
      }
    }
  }

  /** What another run had moved is moved again by this one: that run's answers are true no more. */
  async #forgetMovesOfOthers(run: string): Promise<void> {
    for (const [id, record] of this.#jobs) {
      if (record.run === run || !movesData(record.job) || record.status.state !== 'succeeded') continue;
      await this.#store.forget(id);
      this.#jobs.delete(id);
    }
  }

  #staleEpoch({ run, epoch }: JobKey): RefusedProblem {
    const highest = this.#highestEpoch;
    return new RefusedProblem({
      code: 'stale-epoch',
      happened: `The request has epoch ${epoch} of the environment's lease, but this agent has already seen epoch ${highest}.`,
      state: 'The agent did nothing. Another run has the lease now, or this agent was away when the run began.',
      next: `Wait until no other run is under way (\`cardea runs\`). Then carry this one on with \`cardea run resume ${run}\`, or start it again if it has ended: both take an epoch above ${highest} while this agent answers.`,
    });
  }

  #epochLeap({ epoch }: JobKey): RefusedProblem {
    const bind = `cardea agents bind ${this.#environment} --confirm ${this.#environment}`;
    return new RefusedProblem({
      code: 'epoch-leap',
      happened: `The request has epoch ${epoch} of the environment's lease, ${epoch - this.#highestEpoch} above the highest that this agent has seen. No honest run has brought it there.`,
      state: 'The agent did nothing.',
      next: `Find out where that epoch comes from: a forged lease in the bucket, or an agent that somebody else talked to. Then set all agents to one epoch: ${bind}.`,
      // A run that moved data says another next of its own.
      details: [`All agents are set to one epoch by: ${bind}`],
    });
  }

  #end(live: LiveJob, why: string): void {
    if (live.superseded) return;
    live.superseded = true;
    live.abort.abort(new DOMException(why, 'AbortError'));
  }
}

/** What a person needs to get a full disk free: these go on without a record. An agent that dies meanwhile does them anew. */
const worksOnFullDisk: ReadonlySet<JobKind> = new Set([
  'check-aside',
  'look-aside',
  'mark-disk',
  'look-placed',
  'look-replayed',
  'pause-shipping',
  'revert-aside',
  'start-shipping',
  'accept-aside',
  'clear-stage',
  'clear-snapshot',
  'delete-backup',
]);

interface Beginning {
  readonly job: JobKind;
  /** It was begun before, so there is a record that says no less than a new one would. */
  readonly begun: boolean;
}

/** False when the disk is full and the job goes on all the same. Throws RefusedProblem `disk-full` when it must not. */
async function unlessFull({ job, begun }: Beginning, save: () => Promise<void>): Promise<boolean> {
  if (await saved(save)) return true;
  if (begun || worksOnFullDisk.has(job)) return false;
  throw new RefusedProblem({
    code: 'disk-full',
    happened: `The disk is full: the agent has no room to write down that ${job} was begun.`,
    state: 'The job was not begun; nothing was changed on this node.',
    next: freeDisk,
  });
}

/** False when there was no room for it. */
async function saved(save: () => Promise<void>): Promise<boolean> {
  try {
    await save();
    return true;
  } catch (thrown) {
    if (!isDiskFull(thrown)) throw thrown;
    return false;
  }
}

interface LiveJob {
  readonly record: JobRecord;
  readonly abort: AbortController;
  epoch: number;
  superseded: boolean;
  progress?: Progress;
  ended?: Promise<void>;
}

/** One step may start jobs of one kind with several params (a point each), so the params are part of the name. */
export function jobId(key: Pick<JobKey, 'run' | 'step'>, job: JobKind, params: unknown): string {
  const hash = sha256(JSON.stringify(params)).slice(0, 8);
  return `${key.run}.${key.step}.${job}.${hash}`;
}

/**
 * Whether an answer is still true. What looks at the node, or keeps it as the next steps need it, is done again for each holder of the lease: between
 * two of them somebody may have started the database, and applications may have written. What lies on the disk is looked at each time.
 */
function holdsStill({ job, epoch }: JobRecord, key: JobKey): boolean {
  return !alwaysAnew.has(job) && (!looks.has(job) || epoch === key.epoch);
}

const looks: ReadonlySet<JobKind> = new Set(['check-aside', 'pause-shipping']);
/** What lies on the disk may have changed since the last attempt, too. */
const alwaysAnew: ReadonlySet<JobKind> = new Set([
  'look-aside',
  'look-placed',
  'look-replayed',
  'mark-disk',
  'note-drained',
]);
const movers: readonly JobKind[] = ['set-aside', 'restore-files', 'place-logs', 'accept-aside', 'revert-aside'];
const movesData = (job: JobKind) => movers.includes(job);
const removesPoint = (job: JobKind) => job === 'clear-snapshot' || job === 'delete-backup';
const worksOnPoint = (job: JobKind) => job === 'snapshot' || job === 'upload' || job === 'verify';

function pointOf(params: unknown): unknown {
  return typeof params === 'object' && params !== null && 'point' in params ? params.point : undefined;
}
