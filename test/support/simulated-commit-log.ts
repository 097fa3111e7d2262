import { writeMarker } from '../../src/commitlog/section-chain.ts';
import { writeSegmentHeader } from '../../src/commitlog/segment-header.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { LogFiles, SegmentFile } from '../../src/ports/log-files.ts';

/** A segment file, also after every name of it is gone. */
export interface SimulatedSegment {
  readonly file: string;
  readonly id: bigint;
  /** As Cassandra has them in memory. */
  readonly bytes: Uint8Array;
  /** Where its chain ends. */
  readonly chain: { end: number };
  readonly bornMs: number;
}

/** A write as its client saw it. */
export interface SimulatedWrite {
  readonly segment: SimulatedSegment;
  /** Offset behind it. */
  readonly end: number;
  /** Microseconds since 1970; undefined while it is not acknowledged. */
  acknowledgedAt: number | undefined;
  /** Its Cassandra died before any marker covered it: Cassandra itself has lost it. */
  lost: boolean;
}

const page = 4096;

/**
 * How Cassandra writes a segment: into a mapping, where all of it is seen at once; or into memory of its own, which reaches the file when it
 * syncs: by appending, or around the page cache, in whole blocks.
 */
export type SegmentKind = 'mapped' | 'appended' | 'direct';

/** The commit log of a Cassandra in memory: entries come first, the marker before them later. */
export class SimulatedCommitLog implements LogFiles {
  readonly writes: SimulatedWrite[] = [];
  /** Every segment that there ever was. */
  readonly all: SimulatedSegment[] = [];
  readonly directory = new Map<string, SimulatedSegment>();
  readonly links = new Map<string, SimulatedSegment>();
  running = false;
  free = 10 * 1024 ** 3;
  readonly #clock: Clock;
  readonly #size: number;
  readonly #kind: SegmentKind;
  readonly #version: number;
  /** How the agent's own bytes come to the disk. */
  synced: () => Promise<boolean> = async () => true;
  /** In use, oldest first; the last is written to. */
  #active: Active[] = [];
  #spare: Active | undefined;
  #nextId = 0n;
  #pass: { readonly active: Active; readonly next: number; readonly closes: boolean } | undefined;

  constructor(
    clock: Clock,
    {
      size = 16 * 1024,
      kind = 'mapped',
      version = 8,
    }: { readonly size?: number; readonly kind?: SegmentKind; readonly version?: number } = {},
  ) {
    this.#clock = clock;
    this.#size = size;
    this.#kind = kind;
    this.#version = version;
  }

  /** A run of Cassandra: new segments first, then what the last one left is replayed and deleted. */
  start(): void {
    const left = [...this.directory.keys()];
    const newest = [...this.directory.values()].reduce((most, { id }) => (id > most ? id : most), 0n);
    const now = BigInt(this.#clock.now().getTime());
    this.#nextId = now > newest ? now : newest + 1n;
    this.#active = [this.#create()];
    this.#spare = this.#create();
    this.running = true;
    for (const file of left) this.directory.delete(file);
  }

  /** SIGKILL. */
  kill(): void {
    this.running = false;
    this.#pass = undefined;
    for (const { segment } of this.#active) {
      for (const write of this.writes)
        if (write.segment === segment && write.end > segment.chain.end) write.lost = true;
    }
    for (const write of this.writes) write.lost ||= write.acknowledgedAt === undefined;
  }

  /**
   * A clean stop: memtables go to disk, and what was written with them. A segment is begun that nothing is written to,
   * and closed with an empty section.
   */
  drain(): void {
    this.markAll();
    const last = this.#spare ?? this.#create();
    this.#spare = undefined;
    for (const file of this.directory.keys()) if (file !== last.segment.file) this.directory.delete(file);
    this.#active = [last];
    this.#markTo(last.segment, last.segment.chain.end + 8);
    this.kill();
  }

  /** Room is taken; the bytes come with `finish`, which acknowledges it. Undefined when it does not run. */
  begin(length: number): { finish(): void } | undefined {
    if (!this.running) return undefined;
    let active = this.#active.at(-1);
    if (active === undefined) return undefined;
    if (active.position + length >= this.#size) {
      active.closed = true;
      active = this.#spare ?? this.#create();
      this.#spare = this.#create();
      this.#active.push(active);
    }
    const at = active.position;
    active.position += length;
    const { segment } = active;
    const write: SimulatedWrite = { segment, end: at + length, acknowledgedAt: undefined, lost: false };
    this.writes.push(write);
    active.open.add(write);
    const open = active;
    return {
      finish: () => {
        if (!this.running || write.lost) return;
        segment.bytes.fill(1 + (this.writes.length % 255), at, at + length);
        open.open.delete(write);
        write.acknowledgedAt = this.#clock.now().getTime() * 1000 + 1;
      },
    };
  }

  write(length: number): void {
    this.begin(length)?.finish();
  }

  /** One turn of the thread that marks: the end of a section is set aside, and its marker written once all in it is, perhaps only in the next turn. */
  mark(): void {
    if (!this.running) return;
    if (this.#pass !== undefined) {
      const { active, next, closes } = this.#pass;
      if ([...active.open].some((write) => write.end <= next)) return;
      this.#markTo(active.segment, next);
      if (closes) active.marked = true;
      this.#pass = undefined;
      return;
    }
    const active = this.#active.find(
      (each) => !each.marked && (each.closed || each.position > each.segment.chain.end + 8),
    );
    if (active === undefined) return;
    const closes = active.closed || active.position + 8 >= this.#size;
    const next = active.position;
    if (!closes) active.position += 8;
    this.#pass = { active, next, closes };
  }

  /** Whole turns, until everything that is acknowledged is marked. */
  markAll(): void {
    for (let turn = 0; turn < 40; turn += 1) this.mark();
  }

  /** Memtables go to disk: segments before the newest are deleted, if they are closed and marked. */
  flush(): void {
    for (const active of this.#active.slice(0, -1)) {
      if (!active.marked) return;
      this.directory.delete(active.segment.file);
      this.#active = this.#active.filter((each) => each !== active);
    }
  }

  async live(): Promise<readonly string[]> {
    return [...this.directory.keys()];
  }

  async kept(): Promise<readonly string[]> {
    return [...this.links.keys()];
  }

  async keep(file: string): Promise<boolean> {
    const segment = this.directory.get(file);
    if (segment === undefined) return false;
    this.links.set(file, segment);
    return true;
  }

  async release(file: string): Promise<void> {
    this.links.delete(file);
  }

  async open(file: string): Promise<SegmentFile | undefined> {
    const segment = this.links.get(file) ?? this.directory.get(file);
    if (segment === undefined) return undefined;
    const { bornMs } = segment;
    const inFile = () => this.#inFile(segment);
    return {
      read: async (position, length) => inFile().slice(position, position + length),
      facts: async () => {
        const bytes = inFile();
        return { bytes: bytes.length, taken: bytes.length, touched: pagesOf(bytes), bornMs };
      },
      close: async () => undefined,
    };
  }

  async space(): Promise<{ readonly total: number; readonly free: number; readonly block: number }> {
    return { total: 100 * 1024 ** 3, free: this.free, block: this.#kind === 'direct' ? page : 512 };
  }

  async sync(): Promise<boolean> {
    return this.synced();
  }

  /** What of it has been written to the file: of one that is not mapped nothing but zeros lies behind the chain's end. */
  #inFile({ bytes, chain }: SimulatedSegment): Uint8Array {
    if (this.#kind === 'mapped') return bytes.slice();
    const written = bytes.slice(0, this.#kind === 'direct' ? Math.ceil(chain.end / page) * page : chain.end);
    written.fill(0, chain.end);
    return written;
  }

  #markTo({ bytes, id, chain }: SimulatedSegment, to: number): void {
    writeMarker(bytes, chain.end, { id, from: chain.end, to });
    chain.end = to;
  }

  #create(): Active {
    const id = this.#nextId;
    this.#nextId += 1n;
    const file = `CommitLog-${this.#version}-${id}.log`;
    const bytes = new Uint8Array(this.#size);
    const header = writeSegmentHeader(this.#version, id);
    bytes.set(header);
    const segment = { file, id, bytes, chain: { end: header.length }, bornMs: this.#clock.now().getTime() };
    this.directory.set(file, segment);
    this.all.push(segment);
    return { segment, position: header.length + 8, open: new Set(), closed: false, marked: false };
  }
}

interface Active {
  readonly segment: SimulatedSegment;
  /** Where the next entry goes. */
  position: number;
  readonly open: Set<SimulatedWrite>;
  /** Nothing is written to it any more. */
  closed: boolean;
  /** And its last marker stands. */
  marked: boolean;
}

function pagesOf(bytes: Uint8Array): string {
  let pages = 0;
  for (let at = 0; at < bytes.length; at += page)
    if (bytes.subarray(at, at + page).some((byte) => byte !== 0)) pages += 1;
  return String(pages);
}
