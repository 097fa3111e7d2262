import { isOpaque } from '../codec/attribute.ts';
import { UndecodableRow, type Id } from '../codec/byte-reader.ts';
import { CellTimes } from './cell-times.ts';
import type { Finding, Found, Suspicion } from './finding.ts';
import { sha256 } from '../../model/sha256.ts';
import { MultisetDifference } from './multiset-difference.ts';
import {
  elementName,
  entriesOfVertex,
  entryAddress,
  entryOfRelation,
  entryText,
  isComparable,
  isOpaqueEntry,
  readEntry,
  shownValues,
  type IndexEntry,
  type KeyedValue,
} from '../codec/index-entry.ts';
import { rowObserver, type CheckContext, type GraphObserver, type Invariant } from './invariant.ts';
import type { CompositeIndex } from '../codec/relation-type.ts';
import { afterPrefix, columnPrefix } from '../codec/relation.ts';
import { belowEdges, cellTime, scanTable, walkVertex } from '../scan.ts';
import type { GraphSchema } from '../schema.ts';

/**
 * Every entry of a composite index leads to an element with that value, and every indexed value has its entry. In the pass, the entries
 * that the elements ought to have are added; then the index table is read and its entries are taken away; a second pass over both lists
 * those in the buckets that differ.
 */
export function compositeEntries(context: CheckContext): Invariant {
  const { schema } = context;
  const byId = new Map(schema.compositeIndexes.filter(isComparable).map((index) => [index.id, index]));
  const fold = new MultisetDifference();
  const expected = new Map<string, IndexEntry>();
  const stored = new Map<string, StoredEntry>();
  const damaged: { finding: Finding; key: Buffer; column: Buffer }[] = [];
  let damagedBeyond = 0;
  let differing = new Set<number>();

  const readTable = (
    onEntry: (entry: IndexEntry, key: Buffer, column: Buffer) => void,
    first: boolean,
  ): Promise<void> =>
    scanTable(
      context,
      'graphindex',
      () => ({
        cell(key, column, value) {
          try {
            const entry = readEntry(byId, key, column, value);
            if (entry !== undefined && !isOpaqueEntry(entry)) onEntry(entry, key, column);
          } catch (error) {
            if (!(error instanceof UndecodableRow)) throw error;
            if (!first) return;
            if (damaged.length >= kept) {
              damagedBeyond += 1;
              return;
            }
            const finding = damageOf(key, column, error);
            damaged.push({ finding, key: Buffer.from(key), column: Buffer.from(column) });
          }
        },
      }),
      context.scan.signal === undefined ? {} : { signal: context.scan.signal },
    );

  return {
    observer: entriesOf(schema, (entry) => fold.add(entryText(entry), 1)),
    async compare() {
      await readTable((entry) => fold.add(entryText(entry), -1), true);
      differing = fold.differing();
      if (differing.size === 0) return undefined;
      return entriesOf(schema, (entry) => {
        const text = entryText(entry);
        if (differing.has(fold.bucketOf(text))) expected.set(text, entry);
      });
    },
    async suspicions() {
      if (differing.size > 0) {
        await readTable((entry, key, column) => {
          const text = entryText(entry);
          if (!differing.has(fold.bucketOf(text)) || expected.delete(text)) return;
          stored.set(text, { entry, key: Buffer.from(key), column: Buffer.from(column) });
        }, false);
      }
      return [
        ...paired(context, [...stored.values()], [...expected.values()]),
        ...damaged.map(({ finding, key, column }) => ({
          finding,
          again: () => stillDamaged(context, finding, { key, column }),
        })),
      ];
    },
    beyond: () => new Map(damagedBeyond === 0 ? [] : [['damaged-row', damagedBeyond]]),
  };
}

/** Further ones are counted but not kept. */
const kept = 50_000;

interface StoredEntry {
  readonly entry: IndexEntry;
  readonly key: Buffer;
  readonly column: Buffer;
}

/** Calls back for every entry that the passing elements ought to have. */
function entriesOf(schema: GraphSchema, onEntry: (entry: IndexEntry) => void): GraphObserver {
  const indexes = schema.compositeIndexes.filter(isComparable);
  const ofVertices = indexes.filter((index) => index.element === 'vertex');
  const ofEdges = indexes.filter((index) => index.element === 'edge');
  const ofProperties = indexes.filter((index) => index.element === 'property');
  const indexed = new Set(ofVertices.flatMap((index) => index.keys.map((key) => key.id)));
  // Several parts of the ring are walked at once, so values are kept per row, until its end.
  const open = new Map<Id, Map<Id, KeyedValue[]>>();
  return {
    property(vertex, relation) {
      for (const index of ofProperties) {
        if (!vertex.exists || (index.onlyFor !== undefined && index.onlyFor !== relation.type.id)) continue;
        const entry = entryOfRelation(index, vertex.canonical, relation);
        if (entry !== undefined && !isOpaqueEntry(entry)) onEntry(entry);
      }
      const { id, value: found } = relation;
      if (!indexed.has(relation.type.id) || found === undefined || id === undefined || isOpaque(found.type)) return;
      const values = open.get(vertex.id) ?? new Map<Id, KeyedValue[]>();
      open.set(vertex.id, values);
      const ofKey = values.get(relation.type.id);
      const value = { relation: id, value: found };
      if (ofKey === undefined) values.set(relation.type.id, [value]);
      else ofKey.push(value);
    },
    edge(vertex, relation) {
      if (relation.direction !== 'out') return;
      for (const index of ofEdges) {
        if (index.onlyFor !== undefined && index.onlyFor !== relation.type.id) continue;
        const entry = entryOfRelation(index, vertex.id, relation);
        if (entry !== undefined && !isOpaqueEntry(entry)) onEntry(entry);
      }
    },
    vertexEnd(vertex) {
      const values = open.get(vertex.id);
      if (values === undefined) return;
      open.delete(vertex.id);
      if (!vertex.exists) return;
      for (const index of ofVertices) {
        if (index.onlyFor !== undefined && index.onlyFor !== vertex.label) continue;
        for (const entry of entriesOfVertex(index, vertex.canonical, (key) => values.get(key))) onEntry(entry);
      }
    },
  };
}

/** The index and, in short, the values: a vertex may have several entries in it. */
function entryRelation(entry: IndexEntry): string {
  return `${entry.index.name} ${sha256(entryText(entry)).slice(0, 12)}`;
}

/** A stored and an expected entry of one element in one index are one finding: the index has a wrong value. */
function paired(context: CheckContext, stored: readonly StoredEntry[], expected: readonly IndexEntry[]): Suspicion[] {
  const place = (entry: IndexEntry) => `${entry.index.id} ${elementName(entry.index, entry.element)}`;
  const missing = new Map(expected.map((entry) => [place(entry), entry]));
  const counted = new Map<string, number>();
  for (const entry of [...expected, ...stored.map((one) => one.entry)])
    counted.set(place(entry), (counted.get(place(entry)) ?? 0) + 1);
  const wrong = stored.filter(({ entry }) => missing.has(place(entry)) && counted.get(place(entry)) === 2);
  const inPairs = new Set(wrong.map(({ entry }) => place(entry)));
  return [
    ...wrong.flatMap((one) => {
      const right = missing.get(place(one.entry));
      return right === undefined ? [] : [wrongValue(context, one, right)];
    }),
    ...stored.filter(({ entry }) => !inPairs.has(place(entry))).map((one) => ghost(context, one)),
    ...expected.filter((entry) => !inPairs.has(place(entry))).map((entry) => missingEntry(context, entry)),
  ];
}

function wrongValue(context: CheckContext, stored: StoredEntry, right: IndexEntry): Suspicion {
  const { index, element } = right;
  const finding: Finding = {
    kind: 'wrong-index-value',
    element: elementName(index, element),
    relation: entryRelation(right),
    detail: `Index "${index.name}" has ${shownValues(stored.entry.values)} for ${elementName(index, element)}, which has ${shownValues(right.values)}.`,
  };
  return {
    finding,
    async again(): Promise<Found | undefined> {
      const [extra, lacking] = await Promise.all([
        ghost(context, stored).again(),
        missingEntry(context, right).again(),
      ]);
      if (extra === undefined || lacking === undefined) return extra ?? lacking;
      return { finding, times: extra.times.addAll(lacking.times) };
    },
  };
}

function ghost(context: CheckContext, { entry, key, column }: StoredEntry): Suspicion {
  const name = elementName(entry.index, entry.element);
  const finding = (state: string): Finding => ({
    kind: 'ghost-index-entry',
    element: name,
    relation: entryRelation(entry),
    detail: `Index "${entry.index.name}" has ${shownValues(entry.values)} for ${name}, ${state}.`,
  });
  return {
    finding: finding('which does not have this value'),
    async again(): Promise<Found | undefined> {
      const { texts, exists, times } = await entriesNow(context, entry);
      if (texts.has(entryText(entry)) || !(await isStored(context, { key, column }, times))) return undefined;
      return { finding: finding(exists ? 'which does not have this value' : 'which does not exist'), times };
    },
  };
}

function missingEntry(context: CheckContext, entry: IndexEntry): Suspicion {
  const name = elementName(entry.index, entry.element);
  const finding: Finding = {
    kind: 'missing-index-entry',
    element: name,
    relation: entryRelation(entry),
    detail: `Index "${entry.index.name}" lacks ${shownValues(entry.values)} of ${name}.`,
  };
  return {
    finding,
    async again(): Promise<Found | undefined> {
      const { texts, times } = await entriesNow(context, entry);
      if (!texts.has(entryText(entry))) return undefined;
      const address = entryAddress(entry);
      if (address !== undefined && (await isStored(context, address, times, entry))) return undefined;
      return { finding, times };
    },
  };
}

/** The entries that the element of this entry ought to have, as it is now, and when the cells that decide it were written. */
async function entriesNow(
  context: CheckContext,
  entry: IndexEntry,
): Promise<{ texts: Set<string>; exists: boolean; times: CellTimes }> {
  const { schema } = context;
  const { index, element } = entry;
  const texts = new Set<string>();
  const times = new CellTimes();
  const keys = new Set(index.keys.map((key) => key.id));
  let exists = false;
  const own: GraphObserver['property'] = (vertex, relation) => {
    const isIt = element.relation !== undefined && relation.id === element.relation;
    if (isIt || (index.element === 'vertex' && keys.has(relation.type.id))) times.add(vertex.time);
    exists ||= isIt;
  };
  const watch: GraphObserver = {
    property: own,
    edge: own,
    vertexEnd: (vertex) => {
      exists ||= index.element === 'vertex' && vertex.exists;
    },
  };
  const observer = rowObserver(schema, [entriesOf(schema, (one) => texts.add(entryText(one))), watch]);
  const type = element.type === undefined ? undefined : schema.types.get(element.type);
  if (index.element !== 'edge' || type === undefined) {
    await walkVertex(context, element.vertex, observer, belowEdges);
  } else {
    const from = columnPrefix(type, 'out');
    await walkVertex(context, element.vertex, observer, { from, to: afterPrefix(from) });
  }
  return { texts, exists, times };
}

/** `holding`: the entry that must be there; without it any will do. The time of the cell that is there goes to `times`. */
async function isStored(
  context: CheckContext,
  { key, column }: { readonly key: Buffer; readonly column: Buffer },
  times: CellTimes,
  holding?: IndexEntry,
): Promise<boolean> {
  const query = `SELECT key, column1, value, ${cellTime} FROM "${context.keyspace}".graphindex WHERE key = ? AND column1 = ?`;
  const [row] = await context.database.execute(query, [key, column]);
  times.add(row?.time as bigint | undefined);
  if (row === undefined || holding === undefined) return row !== undefined;
  const indexes = new Map<Id, CompositeIndex>([[holding.index.id, holding.index]]);
  const found = readEntry(indexes, key, column, row.value as Buffer);
  return found !== undefined && entryText(found) === entryText(holding);
}

function damageOf(key: Buffer, column: Buffer, problem: UndecodableRow): Finding {
  const element = `index row 0x${key.toString('hex')}`;
  return {
    kind: 'damaged-row',
    element,
    relation: `0x${column.toString('hex')}`,
    detail: `The ${element}: ${problem.happened}`,
  };
}

async function stillDamaged(
  context: CheckContext,
  finding: Finding,
  cell: { readonly key: Buffer; readonly column: Buffer },
): Promise<Found | undefined> {
  const times = new CellTimes();
  return (await isStored(context, cell, times)) ? { finding, times } : undefined;
}
