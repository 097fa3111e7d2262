/** The Cassandra of the node that an agent runs on. */
export interface NodeDatabase {
  /** Pid of the running Cassandra; undefined when it is stopped. In doubt it runs. */
  runningPid(): Promise<number | undefined>;
  /** Every table and materialized view of the schema as this node knows it. Throws RetryableProblem `database-unreachable`. */
  tables(): Promise<readonly SchemaTable[]>;
  /** Flushes and hard-links every table of every keyspace under the tag. Throws FailedProblem `snapshot-failed` with what nodetool said. */
  snapshot(tag: string, signal: AbortSignal): Promise<void>;
  clearSnapshot(tag: string, signal: AbortSignal): Promise<void>;
}

export interface SchemaTable {
  readonly keyspace: string;
  readonly table: string;
  /** Name of its folder: table name, dash, table id without dashes. */
  readonly folder: string;
}
