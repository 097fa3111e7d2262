/**
 * The commit log of the Cassandra beside an agent, and the agent's own names of its files: hard links in a folder on the same file system,
 * so that nothing vanishes before it is shipped. Cassandra's own names are never touched.
 */
export interface LogFiles {
  /** Names of the segment files in Cassandra's directory, in no order; none when it is not there. */
  live(): Promise<readonly string[]>;
  /** Names of the segment files that the agent keeps. */
  kept(): Promise<readonly string[]>;
  /** Gives a live file its second name. False when that cannot be (it is gone, the disk is full, another file system). */
  keep(file: string): Promise<boolean>;
  /** Removes the second name. If there is none, that is not an error. */
  release(file: string): Promise<void>;
  /** By the agent's name, else by Cassandra's. Undefined when neither is there. */
  open(file: string): Promise<SegmentFile | undefined>;
  /** Bytes of the file system that the log lies on, and of one of its blocks. */
  space(): Promise<{ readonly total: number; readonly free: number; readonly block: number }>;
  /** Brings a few bytes of the agent's own to that file system's disk. False when they could not be written. */
  sync(): Promise<boolean>;
}

export interface SegmentFile {
  /** Shorter than asked for at the end of the file. `into`: memory that may be used for it, at least as long. */
  read(position: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
  facts(): Promise<SegmentFacts>;
  close(): Promise<void>;
}

export interface SegmentFacts {
  readonly bytes: number;
  /** Bytes on the disk. */
  readonly taken: number;
  /** Changes when a page of the file is written that was clean before: also through a mapping. */
  readonly touched: string;
  /** When the file was made, milliseconds; undefined where the file system does not know. */
  readonly bornMs: number | undefined;
}
