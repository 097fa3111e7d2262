import type { RingMember } from '../model/database-node.ts';

/** A CQL row: column name to value. bigint for bigint columns, Buffer for blobs, string for text and uuid, Date for timestamps. */
export type CqlRow = Readonly<Record<string, unknown>>;

/** Reading and probing Cassandra over CQL. All methods throw RetryableProblem `database-unreachable` when no node answers. */
export interface Database {
  /** The ring as one live node sees it, in ascending order of address. */
  ring(): Promise<readonly RingMember[]>;
  /** The ring as this one node sees it; undefined when the node does not answer. */
  ringSeenBy(address: string): Promise<readonly RingMember[] | undefined>;
  /** Streams rows page by page in constant memory. */
  rows(query: string, params?: readonly unknown[], options?: { readonly fetchSize?: number }): AsyncIterable<CqlRow>;
  execute(query: string, params?: readonly unknown[]): Promise<readonly CqlRow[]>;
  /** Ends the connections. The next request connects again. */
  close(): Promise<void>;
}

/** A half-open token range (start, end] of the Murmur3 ring, as CQL's token() compares it. */
export interface TokenRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** Nodes started and stopped: processes in the sandbox, `spec.stopped` and pods on Kubernetes. Idempotent: stopping what is stopped is no error. */
export interface DatabaseLifecycle {
  /** Starts every node of the datacenter in the right order, or those of `only`, and waits until each is up, normal and of one schema. */
  startAll(signal: AbortSignal, only?: readonly string[]): Promise<void>;
  /** Drains and stops every node; a node that does not drain in time is killed, after which its commit log is replayed at start. */
  stopAll(signal: AbortSignal): Promise<void>;
  /** Names of the nodes that run. */
  running(): Promise<readonly string[]>;
}
