/** The Cassandra of the node that an agent runs on. */
export interface NodeDatabase {
  /** Pid of the running Cassandra; undefined when it is stopped. In doubt it runs. */
  runningPid(): Promise<number | undefined>;
  /** Everything that can be seen of whether it runs. */
  standing(): Promise<Standing>;
  /**
   * Takes the lock that Cassandra needs to start; `make`: makes its file when there is none. Undefined when it is held, or there is no file.
   * Lost when this process dies. Throws FailedProblem `lock-unusable`.
   */
  takeLock(options: { readonly make: boolean }): Promise<HeldLock | undefined>;
  /** Every table and materialized view of the schema as this node knows it. Throws RetryableProblem `database-unreachable`. */
  tables(): Promise<readonly SchemaTable[]>;
  /** Flushes and hard-links every table of every keyspace under the tag. Throws FailedProblem `snapshot-failed` with what nodetool said. */
  snapshot(tag: string, signal: AbortSignal): Promise<void>;
  clearSnapshot(tag: string, signal: AbortSignal): Promise<void>;
  /** Compares what this node holds of a keyspace with the other replicas and brings both up to date. Throws FailedProblem `nodetool-failed`. */
  repair(keyspace: string, signal: AbortSignal): Promise<void>;
}

export interface Standing {
  /** The lock that Cassandra holds from its start to its end, if it is started as it should be. `none`: there is no such file. */
  readonly lock: 'taken' | 'free' | 'none';
  /** In words what shows that it runs; undefined when nothing does. */
  readonly seen: string | undefined;
  /** False when there may be processes on its files that cannot be seen from here. */
  readonly seesAll: boolean;
}

export interface HeldLock {
  release(): Promise<void>;
}

export interface SchemaTable {
  readonly keyspace: string;
  readonly table: string;
  /** Name of its folder: table name, dash, table id without dashes. */
  readonly folder: string;
}
