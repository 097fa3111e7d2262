import type { Id } from '../../graph/codec/byte-reader.ts';
import type { GraphSchema } from '../../graph/schema.ts';
import type { TransactionGroup } from '../../graph/transactions/group.ts';
import { incompleteSlots, isWhole } from '../../graph/transactions/wholeness.ts';
import { type Micros, micros } from '../../model/instant.ts';
import { Problem } from '../../model/problem.ts';
import type { KnownSchema } from '../catalog/schema-catalog.ts';
import type { GraphLog } from './log-range-reader.ts';
import { slotsIn, type TransactionRange } from './transaction-search.ts';

/** The unsettled end of a log, and from where on the log tells of the schema. */
interface Tail extends TransactionRange {
  readonly to: Micros;
  /** The beginning of the base's snapshots: from here on everything is in the log. */
  readonly base: Micros;
}

/**
 * Commit slots of the tail that are not whole, by the schema that was in force there. The known one was recorded at some
 * other time: an index that was disabled since gets no entries, and they are not missing. Throws what `slotsIn` throws.
 */
export async function incompleteInTail(
  log: GraphLog,
  known: KnownSchema,
  tail: Tail,
  signal: AbortSignal,
): Promise<readonly Micros[]> {
  const { schema } = known;
  const lacking: TransactionGroup[] = [];
  const written = new Set<Id>();
  const changed = new Set<Id>();
  for await (const groups of slotsIn(log, known, tail, { signal })) {
    for (const group of groups) {
      for (const { touch } of [...group.cells, ...group.loose]) if (touch.kind === 'entry') written.add(touch.indexId);
      for (const vertex of group.vertices.keys()) changed.add(vertex);
      if (!isWhole(schema, group)) lacking.push(group);
    }
  }
  // One that got entries in the tail was in force, unless it was changed there.
  const silent = new Set(
    schema.compositeIndexes.map(({ id }) => id).filter((id) => changed.has(id) || !written.has(id)),
  );
  const bySilent = lacking.some((group) => isWhole(without(schema, silent), group));
  const unsure = bySilent ? await changedSince(log, known, { tail, indexes: silent }, signal) : new Set<Id>();
  const judged = without(schema, unsure);
  return [...incompleteSlots(judged, lacking)];
}

function without(schema: GraphSchema, indexes: ReadonlySet<Id>): GraphSchema {
  return { ...schema, compositeIndexes: schema.compositeIndexes.filter(({ id }) => !indexes.has(id)) };
}

/** Which of the indexes were changed between the time at which the schema was recorded and the tail: their own rows in the log tell. */
async function changedSince(
  log: GraphLog,
  known: KnownSchema,
  { tail, indexes }: { readonly tail: Tail; readonly indexes: ReadonlySet<Id> },
  signal: AbortSignal,
): Promise<ReadonlySet<Id>> {
  const keys = new Set([...indexes].map((id) => hex(known.schema.ids.toKey(id))));
  const { base, to, timeline, settleMargin } = tail;
  const range = {
    from: micros(Math.min(base, known.at ?? base)),
    to: known.at === undefined ? undefined : micros(Math.max(to, known.at)),
    timeline,
    ...(settleMargin === undefined ? {} : { settleMargin }),
    rows: (key: Uint8Array) => keys.has(hex(key)),
  };
  const changed = new Set<Id>();
  try {
    for await (const groups of slotsIn(log, known, range, { signal })) {
      for (const { vertices } of groups) for (const id of vertices.keys()) if (indexes.has(id)) changed.add(id);
    }
  } catch (thrown) {
    signal.throwIfAborted();
    // What cannot be read here is named where it is needed; the entries count as missing then.
    if (!(thrown instanceof Problem)) throw thrown;
  }
  return changed;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
