/** What the name of a commit log segment's file says: `CommitLog-8-1771466400000.log`. */
export interface SegmentName {
  /** Of the format: 7 in Cassandra 4.x, 8 in 5.0. */
  readonly version: number;
  /** Unique on its node only. */
  readonly id: bigint;
}

/** Undefined when the name is none of a segment. */
export function segmentOfFileName(file: string): SegmentName | undefined {
  const [, version, id] = /^CommitLog-(\d{1,9})-(\d{1,18})\.log$/.exec(file) ?? [];
  return version === undefined || id === undefined ? undefined : { version: Number(version), id: BigInt(id) };
}

export function segmentFileName({ version, id }: SegmentName): string {
  return `CommitLog-${version}-${id}.log`;
}
