import type { JobContext, JobRunners } from '../../src/node/jobs/job-context.ts';
import { admission, bindAgent, bucketPinIn, type StoredPin } from '../../src/node/bucket-binding.ts';
import { jobStoreIn } from '../../src/node/job-store.ts';
import { JobTable } from '../../src/node/job-table.ts';
import { problemFromDocument, RetryableProblem } from '../../src/model/problem.ts';
import type { NodeAgent } from '../../src/ports/node-agent.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import { ownBucket } from '../../src/ports/own-bucket.ts';
import type { Platform } from '../../src/ports/platform.ts';
import type { TestWorld } from './engine-world.ts';
import { countingIds, type FakeClock } from './fake-clock.ts';
import { MemoryFiles } from './memory-files.ts';

const ids = countingIds();

interface AgentOf {
  readonly node: string;
  readonly environment: string;
  readonly clock: FakeClock;
  /** The store that it was configured with, at any time. */
  readonly store: () => ObjectStore;
}

/** The real memory of an agent: its jobs, its epoch and its bucket. What the jobs do is told by the test. */
export class BoundAgent {
  away = false;
  /** Jobs that ran, and the environment whose bucket they wrote to. */
  readonly ran: string[] = [];
  work: (context: JobContext) => Promise<unknown> = async () => ({});
  readonly #of: AgentOf;
  readonly #disk = new MemoryFiles();
  #life: { readonly jobs: JobTable; readonly pin: StoredPin; readonly of: ObjectStore } | undefined;

  constructor(of: AgentOf) {
    this.#of = of;
  }

  /** As after a start of its process. */
  restart(): void {
    this.#life = undefined;
  }

  async #alive() {
    const { node, environment, clock, store } = this.#of;
    if (this.away) {
      throw new RetryableProblem({ code: 'agent-unreachable', happened: `${node} is away.`, state: '', next: '' });
    }
    if (this.#life?.of !== store()) this.#life = undefined;
    if (this.#life !== undefined) return this.#life;
    const files = this.#disk.as();
    const pin = bucketPinIn('/agent', files, node);
    await pin.load();
    const bucket = ownBucket(store(), { owner: { environment, project: 'bank' }, clock, ids, pin });
    const works =
      (job: string, writes: boolean) =>
      async (_params: unknown, context: JobContext): Promise<unknown> => {
        this.ran.push(job);
        if (writes) await bucket.put(`written-by/${node}`, job);
        return this.work(context);
      };
    const runners = {
      'clear-snapshot': works('clear-snapshot', false),
      'delete-backup': works('delete-backup', true),
      'revert-aside': works('revert-aside', false),
    };
    const jobs = new JobTable({
      store: jobStoreIn('/agent', files),
      runners: runners as unknown as JobRunners,
      clock,
      log: { write: () => {} },
      environment,
      admit: admission(bucket, clock),
    });
    await jobs.recover();
    this.#life = { jobs, pin, of: store() };
    return this.#life;
  }

  client(): NodeAgent {
    const { node, environment, clock, store } = this.#of;
    return {
      node,
      health: async () => {
        const { jobs, pin } = await this.#alive();
        return {
          node,
          version: 'x',
          at: clock.now().toISOString(),
          highestEpoch: jobs.highestEpoch,
          runningJobs: jobs.runningJobs,
          bucket: { id: pin.known },
        };
      },
      disk: async () => ({ total: 0, free: 0, liveData: 0, aside: 0, snapshots: 0 }),
      bind: async (binding) => {
        const { jobs, pin } = await this.#alive();
        const owner = { environment, project: 'bank' };
        await bindAgent({ bucket: store(), owner, pin, node, jobs, shipping: undefined }, binding);
      },
      run: async (key, kind, params) => {
        const { jobs } = await this.#alive();
        const { id } = await jobs.start(key, kind, params);
        for (;;) {
          const status = (await jobs.status(id))?.status;
          if (status?.state === 'succeeded') return status.result as never;
          if (status?.state === 'failed') throw problemFromDocument(status.problem);
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    };
  }
}

/** An environment as its runs and its agents see it: `store` is the bucket that stands there at the moment. */
export class BoundEnvironment {
  store: ObjectStore;
  readonly agents: ReadonlyMap<string, BoundAgent>;
  readonly #world: TestWorld;
  readonly #name: string;

  constructor(world: TestWorld, name: string, nodes: readonly string[]) {
    this.#world = world;
    this.#name = name;
    this.store = world.store;
    const of = { environment: name, clock: world.clock, store: () => this.store };
    this.agents = new Map(nodes.map((node) => [node, new BoundAgent({ ...of, node })]));
  }

  agent(node: string): BoundAgent {
    const found = this.agents.get(node);
    if (found === undefined) throw new TypeError(`no agent of ${node}`);
    return found;
  }

  platform(): Platform {
    const { clock } = this.#world;
    const owner = { environment: this.#name, project: 'bank' };
    return {
      environment: this.#name,
      bucket: ownBucket(this.store, { owner, clock, ids }),
      nodes: [...this.agents.keys()].map((name) => ({ name })),
      agent: (node: string) => this.agent(node).client(),
      ensureAgents: async () => {},
    } as unknown as Platform;
  }
}
