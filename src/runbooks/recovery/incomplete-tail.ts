import type { Id } from '../../graph/codec/byte-reader.ts';
import type { GraphSchema } from '../../graph/schema.ts';
import type { TransactionGroup } from '../../graph/transactions/group.ts';
import { incompleteSlots, isWhole } from '../../graph/transactions/wholeness.ts';
import { type Micros, micros } from '../../model/instant.ts';
import { Problem } from '../../model/problem.ts';
import type { GraphLog } from './log-range-reader.ts';
import { merged, type Witness } from './schemas-of-history.ts';
import { slotsIn, type TransactionRange } from './transaction-search.ts';

/** The unsettled end of a log, and from where on the log tells of the schema. */
interface Tail extends TransactionRange {
  readonly to: Micros;
  /** The beginning of the base's snapshots: from here on everything is in the log. */
  readonly base: Micros;
}

/**
 * Commit slots of the tail that are not whole, by the schema that was in force there. The known ones are of other times: an index that was
 * disabled since then gets no entries, and they are not missing; one that was made since must have them. So all that is known counts where a
 * witness vouches for it. None when there is no witness: without types nothing can say what belongs to an edge. Throws what `slotsIn` throws.
 */
export async function incompleteInTail(
  log: GraphLog,
  witnesses: readonly Witness[],
  tail: Tail,
  signal: AbortSignal,
): Promise<readonly Micros[]> {
  const schema = merged(witnesses.map((witness) => witness.schema));
  if (schema === undefined) return [];
  const lacking: TransactionGroup[] = [];
  const written = new Set<Id>();
  const changed = new Set<Id>();
  for await (const groups of slotsIn(log, { schema }, tail, { signal })) {
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
  const unsure = bySilent ? await unvouched(log, witnesses, { tail, indexes: silent }, signal) : new Set<Id>();
  const judged = without(schema, unsure);
  return [...incompleteSlots(judged, lacking)];
}

function without(schema: GraphSchema, indexes: ReadonlySet<Id>): GraphSchema {
  return { ...schema, compositeIndexes: schema.compositeIndexes.filter(({ id }) => !indexes.has(id)) };
}

interface Asked {
  readonly tail: Tail;
  readonly indexes: ReadonlySet<Id>;
}

/** Which of the indexes no witness has that saw no change of them between its own time and the tail. */
async function unvouched(
  log: GraphLog,
  witnesses: readonly Witness[],
  { tail, indexes }: Asked,
  signal: AbortSignal,
): Promise<ReadonlySet<Id>> {
  let open = indexes;
  for (const witness of witnesses) {
    const own = witness.schema.compositeIndexes.map(({ id }) => id).filter((id) => open.has(id));
    if (own.length === 0) continue;
    const changed = await changedBetween(log, witness, { tail, indexes: new Set(own) }, signal);
    open = new Set([...open].filter((id) => changed.has(id) || !own.includes(id)));
  }
  return open;
}

/** Which of the indexes were changed between the time of the witness and the tail: their own rows in the log tell. */
async function changedBetween(
  log: GraphLog,
  { schema, at }: Witness,
  { tail, indexes }: Asked,
  signal: AbortSignal,
): Promise<ReadonlySet<Id>> {
  const keys = new Set([...indexes].map((id) => hex(schema.ids.toKey(id))));
  const { base, from, to, timeline, settleMargin } = tail;
  const range = {
    // When exactly a backup read the schema nobody knows: since the beginning of its snapshots.
    from: at === undefined || at > from ? from : micros(Math.min(base, at)),
    to: at === undefined ? undefined : micros(Math.max(to, at)),
    timeline,
    ...(settleMargin === undefined ? {} : { settleMargin }),
    rows: (key: Uint8Array) => keys.has(hex(key)),
  };
  const changed = new Set<Id>();
  try {
    for await (const groups of slotsIn(log, { schema }, range, { signal })) {
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
