import type { Id } from '../../graph/codec/byte-reader.ts';
import { groupsOf, type TransactionGroup } from '../../graph/transactions/group.ts';
import { SlotCells } from '../../graph/transactions/slot-cells.ts';
import { removalOf, reportSlot, touches, type SlotReport } from '../../graph/transactions/slot-report.ts';
import { slotOf } from '../../graph/transactions/stored-change.ts';
import { CellEffectReader } from '../../graph/transactions/cell-effect.ts';
import { ShapeSample, type VertexShape } from '../../graph/transactions/vertex-shapes.ts';
import { commitSlot } from '../../model/commit-slot.ts';
import { formatInstant, instantOf, type Micros, micros } from '../../model/instant.ts';
import { watermarkDocument, watermarkKey } from '../../model/log-piece.ts';
import { RefusedProblem } from '../../model/problem.ts';
import { timelinePath } from '../../model/timeline-path.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { type GraphLog, readLogRange, type LogRangeFacts, streamsOf } from './log-range-reader.ts';
import { arrivalWithin } from './arrival.ts';
import type { KnownSchema } from '../catalog/schema-catalog.ts';
import { listTimelines } from '../catalog/timeline-catalog.ts';
import { currentTimeline } from '../catalog/timeline-record.ts';

export interface TransactionRange {
  /** Commit slots, both inclusive; without `to` up to the newest that was shipped. */
  readonly from: Micros;
  readonly to: Micros | undefined;
  /** The timeline to search; the current one by default. */
  readonly timeline?: string | undefined;
  /** Microseconds that a commit may take, where `backup.log.settleMargin` says more than usual. */
  readonly settleMargin?: number;
  /** Only changes of these partition keys; groups then have only these cells, and their numbers mean nothing. */
  readonly rows?: (key: Uint8Array) => boolean;
}

/** How the log was read. */
export interface ReadFacts {
  readonly timeline: string;
  readonly hosts: readonly string[];
  readonly objects: number;
  readonly bytes: number;
  /** Up to here every stream was read. */
  readonly newest: Micros | undefined;
  /** Cells of other tables of the keyspace, by table. */
  readonly elsewhere: Readonly<Record<string, number>>;
  /** Where the log has holes: changes that were only there are not in the answer. */
  readonly holes: readonly string[];
}

const clocksDiffer = 5_000_000;

/**
 * The groups of a range of the timeline's history, slot by slot in order of time, read only from the shipped log. Slots
 * that an undo left out of this history are not included. Memory holds the traffic of two minutes (see `arrivalWithin`),
 * however long the range is. Throws RefusedProblem `no-log-there`; UsageProblem `unknown-timeline`; FailedProblem for a log that is damaged.
 */
export async function* slotsIn(
  log: GraphLog,
  { schema }: Pick<KnownSchema, 'schema'>,
  range: TransactionRange,
  { onRead, signal }: { readonly onRead?: (facts: ReadFacts) => void; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<readonly [TransactionGroup, ...TransactionGroup[]]> {
  const { bucket } = log;
  const timelines = await listTimelines(bucket);
  const id = range.timeline ?? (await currentTimeline(bucket));
  const path = timelines.length === 0 && range.timeline === undefined ? [] : timelinePath(timelines, id);
  const reader = new CellEffectReader(schema);
  const arrivesLater = arrivalWithin(range.settleMargin);
  const elsewhere = new Map<string, number>();
  const hosts = new Set<string>();
  const holes: string[] = [];
  let objects = 0;
  let bytes = 0;
  let newest: Micros | undefined;
  let begins: Micros | undefined;
  for (const strand of path) {
    const last = strand.kept === undefined ? undefined : commitSlot(strand.kept);
    const to = least(last, range.to === undefined ? undefined : commitSlot(range.to));
    const excluded = new Set(strand.exclusions.map(commitSlot));
    if (begins !== undefined && to !== undefined && to <= begins) continue;
    const from = commitSlot(micros(Math.max(range.from, begins ?? 0)));
    begins = last;
    if (to !== undefined && to < from) continue;
    const streams = await streamsOf(bucket, strand.timeline.id);
    const facts: LogRangeFacts = { streams, covered: undefined, objects: 0, bytes: 0, holes };
    const lead = await clockLead(bucket, strand.timeline.id, streams);
    const stretch = {
      timeline: strand.timeline.id,
      from: micros(from - clocksDiffer - lead),
      to: to === undefined ? undefined : micros(to + arrivesLater),
      last: to,
      ...(range.rows === undefined ? {} : { rows: range.rows }),
    };
    const cells = new SlotCells();
    const settled = function* (end?: Micros) {
      for (const slot of cells.take(end)) {
        if (excluded.has(slot.at)) continue;
        const [first, ...more] = groupsOf(schema, slot, cells.hosts, reader);
        if (first !== undefined) yield [first, ...more] as const;
      }
    };
    let taken = micros(0);
    for await (const { changes, reached } of streams.length === 0 ? [] : readLogRange(log, stretch, facts, signal)) {
      for (const change of changes) {
        const slot = slotOf(change);
        // A change for a slot that was already reported, such as a late read repair, repeats a write that was seen.
        if (slot >= from && (to === undefined || slot <= to) && slot >= taken) cells.add(change);
      }
      const end = reached - arrivesLater;
      if (end <= taken) continue;
      taken = micros(end);
      yield* settled(taken);
    }
    yield* settled();
    for (const [table, count] of cells.elsewhere) elsewhere.set(table, (elsewhere.get(table) ?? 0) + count);
    for (const host of streams) hosts.add(host);
    objects += facts.objects;
    bytes += facts.bytes;
    newest = facts.covered?.to ?? newest;
  }
  // What was read before the range, because it may reach into it, says nothing of how far the log goes.
  if (objects === 0 || (newest !== undefined && newest < range.from)) newest = await quietUntil(bucket, id, range);
  onRead?.({
    timeline: id,
    hosts: [...hosts],
    objects,
    bytes,
    newest,
    elsewhere: Object.fromEntries(elsewhere),
    holes,
  });
}

export interface Search extends TransactionRange {
  readonly around: Micros;
  /** Only slots that touched this element. */
  readonly element?: { readonly vertex?: Id; readonly relation?: Id };
  /** Only slots that removed something. */
  readonly removing: boolean;
  /** The slots nearest to `around`; 0 is all. */
  readonly limit: number;
}

export interface FoundTransactions {
  /** In order of time. */
  readonly transactions: readonly SlotReport[];
  /** How many there were before the limit. */
  readonly count: number;
  /** The slot that removed most, whether listed or not; undefined when nothing was removed. */
  readonly largestRemoval: SlotReport | undefined;
  readonly facts: ReadFacts;
}

/** Finds the transactions of a range for a person, in memory that does not grow with it. */
export async function searchTransactions(
  log: GraphLog,
  known: KnownSchema,
  search: Search,
  options: { readonly ids?: number; readonly signal?: AbortSignal } = {},
): Promise<FoundTransactions> {
  const learnt = new ShapeSample();
  let found: SlotReport[] = [];
  let count = 0;
  let largestRemoval: SlotReport | undefined;
  let facts: ReadFacts | undefined;
  const distance = ({ at }: SlotReport): number => Math.abs(Date.parse(at) * 1000 - search.around);
  const shorten = (): void => {
    if (search.limit === 0 || found.length <= search.limit) return;
    found = found.sort((a, b) => distance(a) - distance(b)).slice(0, search.limit);
  };
  const onRead = (read: ReadFacts): void => {
    facts = read;
  };
  for await (const groups of slotsIn(log, known, search, { onRead, signal: options.signal })) {
    for (const group of groups) learnt.learn(group);
    const { element } = search;
    if (element !== undefined && !groups.some((group) => touches(group, element))) continue;
    const report = reportSlot(known.schema, groups, merged(known.shapes, learnt.shapes()), options.ids);
    if (search.removing && removalOf(report) === 0) continue;
    count += 1;
    if (removalOf(report) > (largestRemoval === undefined ? 0 : removalOf(largestRemoval))) largestRemoval = report;
    found.push(report);
    if (found.length > search.limit * 2) shorten();
  }
  shorten();
  const transactions = found.sort((a, b) => (a.at < b.at ? -1 : 1));
  const none: ReadFacts = {
    timeline: '',
    hosts: [],
    objects: 0,
    bytes: 0,
    newest: undefined,
    elsewhere: {},
    holes: [],
  };
  return { transactions, count, largestRemoval, facts: facts ?? none };
}

function merged(known: readonly VertexShape[], learnt: readonly VertexShape[]): readonly VertexShape[] {
  const byLabel = new Map(known.map((shape) => [shape.label, shape.parts]));
  for (const { label, parts } of learnt) byLabel.set(label, new Set([...(byLabel.get(label) ?? []), ...parts]));
  return [...byLabel].map(([label, parts]) => ({ label, parts }));
}

function least(one: Micros | undefined, other: Micros | undefined): Micros | undefined {
  if (one === undefined) return other;
  return other === undefined || one < other ? one : other;
}

/** Microseconds by which the clocks of graph servers run ahead of the nodes' clocks. */
async function clockLead(bucket: ObjectStore, timeline: string, streams: readonly string[]): Promise<number> {
  let lead = 0;
  for (const host of streams) {
    const stored = await bucket.get(watermarkKey(timeline, host));
    if (stored === undefined) continue;
    lead = Math.max(lead, watermarkDocument.read(stored.body, stored.key).clockLead);
  }
  return Math.ceil(lead * 1_000_000);
}

/**
 * For a range without writes: the instant up to which the log was shipped. Throws RefusedProblem when the log was not
 * shipped then.
 */
async function quietUntil(bucket: ObjectStore, timeline: string, range: TransactionRange): Promise<Micros> {
  const streams = await streamsOf(bucket, timeline);
  const watermarks = await Promise.all(streams.map(async (host) => bucket.get(watermarkKey(timeline, host))));
  const known = watermarks.flatMap((stored) =>
    stored === undefined ? [] : [watermarkDocument.read(stored.body, stored.key)],
  );
  const since = known.map((each) => instantOf(each.since)).sort((a, b) => a - b)[0];
  const at = known.map((each) => instantOf(each.at)).sort((a, b) => b - a)[0];
  if (since !== undefined && at !== undefined && at >= range.from && (range.to === undefined || since <= range.to))
    return at;
  const asked = `${formatInstant(range.from)} to ${range.to === undefined ? 'now' : formatInstant(range.to)}`;
  throw new RefusedProblem({
    code: 'no-log-there',
    happened: `The store has no log for ${asked} on timeline ${timeline}.`,
    state: 'Nothing was changed.',
    next:
      since === undefined || at === undefined
        ? `Nothing was shipped to ${bucket.description} yet. Check with \`cardea status\` whether the agents ship the log.`
        : `The log of ${timeline} reaches from ${formatInstant(since)} to ${formatInstant(at)}: choose a time in between, or another --timeline.`,
  });
}
