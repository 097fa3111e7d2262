import type { DatabaseNode } from '../model/database-node.ts';
import type { Database, DatabaseLifecycle } from './database.ts';
import type { GraphLifecycle, GraphService } from './graph-service.ts';
import type { NodeAgent } from './node-agent.ts';
import type { OwnBucket } from './own-bucket.ts';

/** One environment with everything runbooks need of it. Opening is cheap: connections are made when first used. */
export interface Platform {
  readonly environment: string;
  /** Keyspace of the graph. */
  readonly keyspace: string;
  /** Name of the mixed index backend in JanusGraph's settings, `search` by default; undefined when there is none. */
  readonly indexBackend: string | undefined;
  readonly nodes: readonly DatabaseNode[];
  /** Only if it is this environment's: every call throws RefusedProblem `bucket-of-another-environment` otherwise. */
  readonly bucket: OwnBucket;
  readonly database: Database;
  readonly databaseLifecycle: DatabaseLifecycle;
  readonly graph: GraphService;
  readonly graphLifecycle: GraphLifecycle;
  agent(node: string): NodeAgent;
  /**
   * Starts the agents that do not run, where nothing else does: in the sandbox. On Kubernetes the kubelet starts them, and this only waits
   * until each answers. Throws FailedProblem `agent-not-started`.
   */
  ensureAgents(signal: AbortSignal): Promise<void>;
  readonly copies: Copies;
  close(): Promise<void>;
}

/** Environments made beside the live one from a restore point, for rehearsals and `restore --into`. */
export interface Copies {
  /**
   * Creates what a copy needs before files are restored into it: its own directories, addresses, cluster name, explicit tokens, index
   * settings and agents; nothing of it knows an address of the live environment. Idempotent per name and run.
   */
  prepare(name: string, layout: CopyLayout): Promise<Platform>;
  /** Opens a copy that was prepared before; undefined when there is none. */
  open(name: string): Promise<Platform | undefined>;
  /** Stops and removes all of it, also what a killed run left. Idempotent. */
  remove(name: string): Promise<void>;
  /** Every TCP connection from the copy's processes to an address of the live environment's ring, graph or index, as `process local remote`. Must be empty. */
  connectionsToLive(name: string): Promise<readonly string[]>;
  list(): Promise<readonly string[]>;
}

export interface CopyLayout {
  /** The run that makes it: another run's copy of the same name is refused (RefusedProblem `copy-exists`). */
  readonly run: string;
  readonly nodes: ReadonlyArray<{
    /** Name of the node in the backup. */
    readonly source: string;
    readonly datacenter: string;
    readonly rack: string;
    readonly tokens: readonly string[];
  }>;
  readonly keyspace: string;
  /** Kept by its owner (`restore --into`) or removed with the run (rehearsal). */
  readonly purpose: 'rehearsal' | 'restore';
}
