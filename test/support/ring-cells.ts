import { decodeMutation } from '../../src/commitlog/mutation-reader.ts';
import { entriesOf } from '../../src/commitlog/entries.ts';
import { wholeSections } from '../../src/commitlog/section-chain.ts';
import { readSegmentHeader } from '../../src/commitlog/segment-header.ts';
import { SegmentWriter } from '../../src/commitlog/segment-writer.ts';
import { tokenOf } from '../../src/commitlog/token.ts';
import { replicaRings } from '../../src/model/held-ranges.ts';
import { graphTable, mutationOf } from './shipped-logs.ts';

/** A cell of the simulated graph: which table, key and column, both in hex, and when it was written. */
export interface Cell {
  readonly table: 'edgestore' | 'janusgraph_ids';
  readonly key: string;
  readonly column: string;
  /** Microseconds. */
  readonly at: number;
}

export const tables = [
  graphTable('edgestore', '00000000-0000-4000-8000-000000000010'),
  graphTable('janusgraph_ids', '00000000-0000-4000-8000-000000000012'),
];
/** One that an application makes after the first backup. */
export const laterTable = graphTable('later', '00000000-0000-4000-8000-000000000014');
const byId = new Map(tables.map((table) => [table.id, table]));

export function folderOf(table: Cell['table']): string {
  return `${table}-${(tables.find((each) => each.table === table)?.id ?? '').replaceAll('-', '')}`;
}

/** What tells one cell from another; its time aside. */
export function nameOfCell({ table, key, column }: Cell): string {
  return `${table} ${key} ${column}`;
}

/** The place of a node in the ring. */
export interface Place {
  readonly node: string;
  readonly datacenter: string;
  readonly rack: string;
  readonly tokens: readonly string[];
}

/** Nodes of a ring with tokens evenly around it, in one rack or in two by turns. */
export function placesOf(names: readonly string[], racks: 1 | 2): readonly Place[] {
  const step = 2n ** 64n / BigInt(names.length);
  return names.map((node, at) => ({
    node,
    datacenter: 'dc1',
    rack: `rack${(at % racks) + 1}`,
    tokens: [String(-(2n ** 63n) + step * BigInt(at + 1) - 1n)],
  }));
}

/** Names of the nodes that hold a key. */
export function replicasOf(places: readonly Place[], replicas: number): (key: string) => readonly string[] {
  if (replicas >= places.length) {
    const all = places.map(({ node }) => node);
    return () => all;
  }
  const rings = replicaRings(places, { class: 'NetworkTopologyStrategy', dc1: String(replicas) });
  const ranges = rings
    .flatMap((ring) => ring.ranges)
    .map(({ range: [start, end], replicas: nodes }) => ({
      start: BigInt(start),
      end: BigInt(end),
      nodes: [...nodes].map(({ node }) => node),
    }));
  const known = new Map<string, readonly string[]>();
  return (key) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    const token = tokenOf(Buffer.from(key, 'hex'));
    const found = ranges.find(({ start, end }) =>
      start < end ? token > start && token <= end : token > start || token <= end,
    );
    known.set(key, found?.nodes ?? []);
    return found?.nodes ?? [];
  };
}

/** The cells as the bytes of one whole segment of the commit log. */
export function segmentOf(id: bigint, cells: readonly Cell[]): { readonly file: string; readonly bytes: Buffer } {
  const writer = new SegmentWriter(8, id, { segment: 2 ** 20, section: 2 ** 10 });
  for (const cell of cells) writer.add(bytesOf(cell));
  return { file: writer.fileName, bytes: Buffer.concat(writer.finish().slice(0, -1)) };
}

/** The cells of a segment, as a node that replays it finds them. */
export function cellsOfSegment(bytes: Uint8Array): readonly Cell[] {
  const header = readSegmentHeader(bytes);
  const cells: Cell[] = [];
  for (const { from, to } of wholeSections(bytes.subarray(header.length), header, header.length)) {
    for (const entry of entriesOf(bytes.subarray(from, to), header)) {
      for (const { table, key, rows } of decodeMutation(entry, header.version, byId).updates) {
        for (const { clustering, liveness } of rows) {
          cells.push({
            table: table.table as Cell['table'],
            key: Buffer.from(key).toString('hex'),
            column: Buffer.from(clustering[0] ?? []).toString('hex'),
            at: Number(liveness),
          });
        }
      }
    }
  }
  return cells;
}

function bytesOf({ table, key, column, at }: Cell): Uint8Array {
  const found = tables.find((each) => each.table === table);
  if (found === undefined) throw new TypeError(`there is no table ${table}`);
  return mutationOf([
    { table: found, key: Buffer.from(key, 'hex'), column: Buffer.from(column, 'hex'), value: '', at },
  ]);
}
