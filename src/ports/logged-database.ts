import type { LogSchema } from '../model/log-schema.ts';

/** What an agent watches on its Cassandra so that the shipped log can be read, and so that it knows what the log does not hold. */
export interface LoggedDatabase {
  /** Cheap: asked some times a second. Throws RetryableProblem `database-unreachable`. */
  glance(): Promise<DatabaseGlance>;
  /** Every table with its id, as this node knows them. Throws RetryableProblem `database-unreachable`. */
  schema(): Promise<SchemaOfLog>;
  close(): Promise<void>;
}

export interface DatabaseGlance {
  readonly hostId: string;
  readonly schemaVersion: string;
  /** Sorted. */
  readonly tokens: readonly string[];
  /** When tables were truncated, by their ids, milliseconds. */
  readonly truncated: ReadonlyMap<string, number>;
  /** Files that came or come over the network, repair aside. */
  readonly streams: readonly StreamSeen[];
}

export interface StreamSeen {
  readonly id: string;
  /** As Cassandra names it: `Bootstrap`, `Rebuild`, `Bulk Load`. */
  readonly operation: string;
  /** Milliseconds. */
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly ended: boolean;
}

export type SchemaOfLog = Pick<LogSchema, 'schemaVersion' | 'tables' | 'keyspaces' | 'cql'>;
