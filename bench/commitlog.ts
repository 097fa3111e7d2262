import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type CutRule, MutationCut } from '../src/commitlog/mutation-cut.ts';
import { entriesOf, entryOverhead } from '../src/commitlog/entries.ts';
import { cutSections } from '../src/commitlog/cut-segment.ts';
import { decodeMutation, readMutation } from '../src/commitlog/mutation-reader.ts';
import { encodeMutation } from '../src/commitlog/mutation-writer.ts';
import { markerLength, wholeSections } from '../src/commitlog/section-chain.ts';
import { readSegmentHeader } from '../src/commitlog/segment-header.ts';
import { SegmentWriter } from '../src/commitlog/segment-writer.ts';
import type { StoredMutation } from '../src/commitlog/stored-mutation.ts';
import { tableIndexOf } from '../src/commitlog/table-layout.ts';
import { tokenOf } from '../src/commitlog/token.ts';
import { writeSegments } from '../src/commitlog/write-segments.ts';
import type { LoggedTable } from '../src/model/log-schema.ts';
import { micros } from '../src/model/instant.ts';
import { bankOf } from '../src/sample/bank.ts';
import { loadBank } from '../src/sample/loader.ts';
import { createSchema } from '../src/sample/schema.ts';
import { loggedTables } from '../test/support/logged-tables.ts';
import { withOneNode } from './one-node.ts';
import { comparedSeries, median } from './rounds.ts';
import type { BenchRow } from './row.ts';

const rounds = 9;
const version = 8;
type Schema = ReadonlyMap<string, LoggedTable>;

/**
 * Reading and cutting a commit log, on one core: MB of log a second of this process's processor time, which other load hardly changes. The
 * log is that of a real JanusGraph that loads the banking graph, repeated to the length of a segment.
 */
export async function benchCommitLog(): Promise<BenchRow[]> {
  const { schema, mutations } = await realMutations();
  const folder = mkdtempSync(join(tmpdir(), 'cardea-bench-'));
  try {
    const ordinary = segmentOf(folder, 'ordinary', mutations);
    const small = segmentOf(
      folder,
      'small',
      mutations.filter(({ length }) => length < 120),
    );
    const large = segmentOf(
      folder,
      'large',
      mutations.filter(({ length }) => length >= 800),
    );
    const merged = segmentOf(
      folder,
      'merged',
      mutations.map((mutation) => mergedWithLater(mutation, schema)),
    );
    const all = ruleUntil(lateEnough);
    const excluding = {
      ...all,
      exclusions: new Set([1, 2, 3].map((slot) => micros(1_700_000_000_000_001 + 2 * slot))),
    };
    const whole =
      (log: Log, rule = all) =>
      () =>
        cutThrough(log, schema, rule);
    const rows = [ordinary, small, large].flatMap((log) => [
      compared(
        `cut that leaves all whole, ${log.name}`,
        'each entry read, its CRC-32 taken. Aim: 300',
        log,
        whole(log),
        () => crcOfEntries(log),
      ),
    ]);
    return [
      ...rows,
      compared('the same, ordinary entries', 'the file read, one CRC-32 of it all', ordinary, whole(ordinary), () =>
        crc32(readFileSync(ordinary.file)),
      ),
      alone('with three transactions left out long ago', ordinary, whole(ordinary, excluding)),
      alone(
        'with the keys of half the ring kept',
        ordinary,
        whole(ordinary, { ...all, ownsToken: (key) => tokenOf(key) > 0n }),
      ),
      alone('with all of it later than the instant', ordinary, whole(ordinary, ruleUntil(1))),
      await written(ordinary, schema, all),
      alone(
        'cut inside every mutation, as if read repair had merged each',
        merged,
        whole(merged, ruleUntil(lateEnough)),
      ),
      alone('decode every mutation to what it means', ordinary, () => decodeAll(ordinary, schema)),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Later than everything that the graph wrote, in microseconds. */
const lateEnough = 4_000_000_000_000_001;

function ruleUntil(lastKept: number): CutRule {
  return { lastKept: micros(lastKept), exclusions: new Set(), uncut: new Set(), omitted: new Set() };
}

/** What a graph's load leaves in the log, without Cassandra's own tables. */
async function realMutations(): Promise<{ schema: Schema; mutations: Uint8Array[] }> {
  return withOneNode(async ({ platform, data }) => {
    await createSchema(platform.graph, platform.indexBackend);
    await loadBank(platform.graph, bankOf({ seed: 'commit log', branches: 4, customersPerBranch: 40 }));
    const schema = await loggedTables(platform.database);
    const commitlog = join(data, '../commitlog');
    const mutations = readdirSync(commitlog).flatMap((name) => {
      const bytes = readFileSync(join(commitlog, name));
      return [...entriesIn(bytes)].map((entry) => Uint8Array.from(entry));
    });
    const ofGraph = new Set([...schema.values()].filter(({ keyspace }) => keyspace === platform.keyspace));
    const tables = tableIndexOf(schema, 8);
    return {
      schema,
      mutations: mutations.filter((mutation) => {
        const layout = tables.find(mutation, 1);
        return layout !== undefined && ofGraph.has(layout.table);
      }),
    };
  });
}

function* entriesIn(bytes: Uint8Array): Generator<Uint8Array> {
  const header = readSegmentHeader(bytes);
  for (const { from, to } of wholeSections(bytes.subarray(header.length), header, header.length)) {
    yield* entriesOf(bytes.subarray(from, to), header);
  }
}

interface Log {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
}

/** A full segment of the mutations again and again. */
function segmentOf(folder: string, name: string, mutations: readonly Uint8Array[]): Log {
  const writer = new SegmentWriter(version, 1n);
  for (let at = 0; writer.add(mutations[at % mutations.length] ?? new Uint8Array(10)); at += 1);
  const file = join(folder, name);
  writeFileSync(file, Buffer.concat([...writer.take(), ...writer.finish()]));
  const mean = Math.round(mutations.reduce((sum, { length }) => sum + length, 0) / mutations.length);
  return { name: `${name} entries of ${mean} bytes`, file, bytes: readFileSync(file).length };
}

/** The mutation with one more write time in it, after the last kept one: a copy of each of its first row's cells. */
function mergedWithLater(mutation: Uint8Array, schema: Schema): Uint8Array {
  const stored = readMutation(mutation, tableIndexOf(schema, 8));
  const updates = stored.updates.map(({ body, ...update }) => {
    if (body === undefined) return { ...update, body };
    return {
      ...update,
      body: { ...body, deletion: body.deletion ?? { at: lateEnough + 1, localTime: 1_800_000_000 } },
    };
  });
  return encodeMutation({ updates } satisfies StoredMutation);
}

function cutThrough({ file }: Log, schema: Schema, rule: CutRule): number {
  const bytes = readFileSync(file);
  let kept = 0;
  const cut = new MutationCut(schema, rule);
  for (const { count } of cutSections(bytes, 0, readSegmentHeader(bytes), cut)) kept += count;
  return kept;
}

function decodeAll({ file }: Log, schema: Schema): void {
  for (const mutation of entriesIn(readFileSync(file))) decodeMutation(mutation, version, schema);
}

/** The least that anybody could do who wants to know that the entries are whole. */
function crcOfEntries({ file }: Log): number {
  const bytes = readFileSync(file);
  const header = readSegmentHeader(bytes);
  let sum = 0;
  for (const { from, to } of wholeSections(bytes.subarray(header.length), header, header.length)) {
    for (let at = from + markerLength; at < to; ) {
      const size = bytes.readInt32BE(at);
      sum ^= crc32(bytes.subarray(at + 8, at + 8 + size));
      at += size + entryOverhead;
    }
  }
  return sum;
}

/** MB a second of processor time, of rounds in turns. */
function compared(name: string, note: string, log: Log, ours: () => unknown, reference: () => unknown): BenchRow {
  const [mine, other]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    const [a, b] = [rateOf(log, ours), rateOf(log, reference)];
    // The first warms the code up.
    if (round === 0) continue;
    mine.push(a);
    other.push(b);
  }
  return comparedSeries({ name, note, unit: 'MB/s' }, mine, other);
}

function alone(name: string, log: Log, ours: () => unknown): BenchRow {
  const rates = Array.from({ length: rounds }, () => rateOf(log, ours));
  return { name, ours: median(rates.slice(1)), unit: 'MB/s', note: log.name };
}

async function written(log: Log, schema: Schema, rule: CutRule): Promise<BenchRow> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    const bytes = readFileSync(log.file);
    const runs = cutSections(bytes, 0, readSegmentHeader(bytes), new MutationCut(schema, rule));
    let length = 0;
    for await (const part of writeSegments(runs, () => 2n)) length += part.bytes.length;
    const { user, system } = process.cpuUsage(before);
    rates.push(length / (user + system));
  }
  return { name: 'with new segments made of it', ours: median(rates.slice(1)), unit: 'MB/s', note: log.name };
}

function rateOf({ bytes }: Log, work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return bytes / (user + system);
}
