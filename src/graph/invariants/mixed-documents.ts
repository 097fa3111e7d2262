import { isOpaque, type Attribute, type AttributeValue } from '../codec/attribute.ts';
import type { Id } from '../codec/byte-reader.ts';
import { idText, relationIdText } from '../codec/element-id.ts';
import { CellTimes } from './cell-times.ts';
import type { Finding, Found, Suspicion } from './finding.ts';
import { MultisetDifference } from './multiset-difference.ts';
import { openIndexDocuments, type IndexDocuments, type StoredDocument } from '../indexes/index-documents.ts';
import { rowObserver, type CheckContext, type GraphObserver, type Invariant } from './invariant.ts';
import { afterPrefix, columnPrefix, type Relation } from '../codec/relation.ts';
import type { MixedField, MixedIndex } from '../codec/relation-type.ts';
import { belowEdges, walkVertex, type VertexRow } from '../scan.ts';

/** As many buckets as one answer of the graph server carries well. */
const bucketBits = 16;

/**
 * The mixed index agrees with the graph: a document for every element with an indexed value, with just those values, and no other. In the
 * pass the documents that ought to be there are added; the graph server sums up, by the same hashes, those that are there; where the
 * buckets differ both sides are listed. The sums travel, not the documents, so the cost is one walk over each side.
 */
export async function mixedDocuments(context: CheckContext, index: MixedIndex): Promise<Invariant> {
  const documents = await openIndexDocuments(context.graph, index, bucketBits);
  const fold = new MultisetDifference(bucketBits);
  const expected = new Map<string, ExpectedDocument>();
  let differing = new Set<number>();
  const textOf = (document: ExpectedDocument): string =>
    documents.holdsValues ? documentText(document) : document.name;

  return {
    observer: documentsOf(index, (document) => fold.add(textOf(document), 1, document.name)),
    async compare() {
      for (const { bucket, crcs, hashes } of await documents.sums()) {
        fold.addSums(bucket, -crcs, -hashes);
      }
      differing = fold.differing();
      if (differing.size === 0) return undefined;
      return documentsOf(index, (document) => {
        if (differing.has(fold.bucketOf(document.name))) expected.set(document.name, document);
      });
    },
    async suspicions() {
      if (differing.size === 0) return [];
      const stored = new Map<string, StoredDocument>();
      for (const document of await documents.inBuckets([...differing])) {
        const right = expected.get(document.name);
        if (right === undefined || textOf(right) !== document.text) stored.set(document.name, document);
        else expected.delete(document.name);
      }
      const names = new Set([...stored.keys(), ...expected.keys()]);
      const now = onceAsked(documents, [...names]);
      return [...names].map((name) =>
        suspicionOf({ context, index, textOf, now }, name, stored.get(name), expected.get(name)),
      );
    },
  };
}

/** A document that ought to be there. */
export interface ExpectedDocument {
  readonly name: string;
  readonly element: { readonly vertex: Id; readonly relation?: Relation };
  readonly fields: readonly IndexField[];
  /** Why JanusGraph itself has no document of it: the index cannot take one of its values. */
  readonly unindexable?: string;
}

interface IndexField {
  readonly field: string;
  /** Empty for what is not compared. */
  readonly text: string;
  readonly unindexable?: string;
}

interface Looking {
  readonly context: CheckContext;
  readonly index: MixedIndex;
  readonly textOf: (document: ExpectedDocument) => string;
  readonly now: () => Promise<ReadonlyMap<string, StoredDocument>>;
}

/** One question for all suspected documents, asked when the first of them is looked at again. */
function onceAsked(documents: IndexDocuments, names: readonly string[]): Looking['now'] {
  let answer: Promise<ReadonlyMap<string, StoredDocument>> | undefined;
  return () => (answer ??= documents.named(names));
}

function suspicionOf(
  looking: Looking,
  name: string,
  stored: StoredDocument | undefined,
  expected: ExpectedDocument | undefined,
): Suspicion {
  const { index } = looking;
  return {
    finding: verdict(index, name, stored, expected),
    async again(): Promise<Found | undefined> {
      const times = new CellTimes();
      const [documents, right] = await Promise.all([looking.now(), expectedNow(looking, name, expected, times)]);
      const document = documents.get(name);
      if (document === undefined && right === undefined) return undefined;
      if (document !== undefined && right !== undefined && looking.textOf(right) === document.text) return undefined;
      const finding = verdict(index, name, document, right);
      const why = finding.kind === 'missing-document' ? right?.unindexable : undefined;
      return { finding, times, ...(why === undefined ? {} : { passedOver: why }) };
    },
  };
}

function verdict(
  index: MixedIndex,
  name: string,
  stored: StoredDocument | undefined,
  expected: ExpectedDocument | undefined,
): Finding {
  const element = elementOf(index, name);
  if (expected === undefined) {
    return {
      kind: 'stale-document',
      element,
      relation: index.name,
      detail: `Mixed index "${index.name}" has a document for ${element}, which does not exist or has no indexed value.`,
    };
  }
  if (stored === undefined) {
    return {
      kind: 'missing-document',
      element,
      relation: index.name,
      detail: `Mixed index "${index.name}" has no document for ${element}.`,
    };
  }
  const has = new Set(stored.text.split('|').slice(1));
  const ought = new Set(expected.fields.map(({ field, text }) => `${field}=${text}`));
  const extra = [...has].filter((one) => !ought.has(one)).map(shown);
  const lacking = [...ought].filter((one) => !has.has(one)).map(shown);
  const parts = [
    ...(extra.length > 0 ? [`has ${extra.join(', ')}`] : []),
    ...(lacking.length > 0 ? [`lacks ${lacking.join(', ')}`] : []),
  ];
  return {
    kind: 'document-differs',
    element,
    relation: index.name,
    detail: `The document of ${element} in mixed index "${index.name}" ${parts.join(' and ')}.`,
  };
}

/** `age=i41` as `age = 41`. */
function shown(field: string): string {
  const at = field.indexOf('=');
  const text = field.slice(at + 2);
  return `${field.slice(0, at)} = ${text.length > 60 ? `${text.slice(0, 57)}...` : text}`;
}

/** Document names are ids in base 36: of a vertex, or of a relation with its vertices. */
export function elementOf(index: MixedIndex, name: string): string {
  const id = Number.parseInt(name.split('-')[0] ?? '', 36);
  return Number.isSafeInteger(id) ? `${index.element} ${id}` : `${index.element} named ${name}`;
}

/** Calls back for every document that the passing elements ought to have. */
export function documentsOf(index: MixedIndex, onDocument: (document: ExpectedDocument) => void): GraphObserver {
  const fields = new Map(index.fields.map((field) => [field.key.id, field]));
  const applies = (type: Id | undefined): boolean => index.onlyFor === undefined || index.onlyFor === type;
  if (index.element !== 'vertex') {
    const relation = (vertex: VertexRow, one: Relation): void => {
      if (one.direction !== 'out' || !applies(one.type.id) || one.type.system || one.id === undefined) return;
      const found = one.properties.flatMap(({ key, value }) => fieldTexts(fields.get(key.id), value));
      if (found.length === 0) return;
      const name = relationIdText(one.id, vertex.id, one.type.id, one.other);
      onDocument({ name, element: { vertex: vertex.id, relation: one }, fields: found, ...whyUnindexable(found) });
    };
    return index.element === 'edge' ? { edge: relation } : { property: relation };
  }
  const open = new Map<Id, ExpectedDocument['fields'][number][]>();
  return {
    property(vertex, relation) {
      if (relation.value === undefined) return;
      const texts = fieldTexts(fields.get(relation.type.id), relation.value);
      if (texts.length === 0) return;
      const found = open.get(vertex.id);
      if (found === undefined) open.set(vertex.id, texts);
      else found.push(...texts);
    },
    vertexEnd(vertex) {
      const found = open.get(vertex.id);
      if (found === undefined) return;
      open.delete(vertex.id);
      if (!vertex.exists || !applies(vertex.label)) return;
      const name = idText(vertex.canonical);
      onDocument({ name, element: { vertex: vertex.id }, fields: found, ...whyUnindexable(found) });
    },
  };
}

function whyUnindexable(fields: readonly IndexField[]): { unindexable?: string } {
  const why = fields.find((field) => field.unindexable !== undefined)?.unindexable;
  return why === undefined ? {} : { unindexable: why };
}

/** A value as the index keeps it: whole numbers, dates and truth as `i`, fractions as `d` with their bits, text as `t`. Shapes are not compared. */
function fieldTexts(field: MixedField | undefined, { type, value }: Attribute): IndexField[] {
  if (field === undefined) return [];
  const name = field.field;
  switch (type) {
    case 'Float':
    case 'Double':
      return [{ field: name, text: `d${bitsOf(Number(value))}` }];
    case 'Boolean':
      return [{ field: name, text: `i${value === true ? 1 : 0}` }];
    case 'Instant':
      return [{ field: name, text: `i${epochMillis(String(value))}` }];
    case 'String':
      return textFields(field, String(value));
    case 'Geoshape':
      return [{ field: name, text: '', ...shapeInPoints(field, value) }];
    default:
      // A class of the user's own: what its index field holds is not known.
      if (isOpaque(type)) return [{ field: name, text: '' }];
      return [{ field: name, text: `${typeof value === 'string' ? 't' : 'i'}${String(value)}` }];
  }
}

/** Second byte of a stored shape: what it is. */
const pointMark = 1;

/** JanusGraph's default mapping of shapes is an index of points: the backend refuses any other shape, and JanusGraph goes on without it. */
function shapeInPoints({ field, mapping }: MixedField, value: AttributeValue): { unindexable?: string } {
  if (mapping !== 'default' || !(value instanceof Uint8Array) || value[1] === pointMark) return {};
  return { unindexable: `the field ${field} takes points, and the value is another shape` };
}

function textFields({ field, mapping }: MixedField, value: string): { field: string; text: string }[] {
  const folded = { field, text: `t${value.toLowerCase()}` };
  const whole = { field, text: `t${value}` };
  if (mapping === 'string') return [whole];
  return mapping === 'text-string' ? [folded, { field: `${field}_____s`, text: whole.text }] : [folded];
}

function bitsOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16);
}

/** Milliseconds of `seconds.nanos`. */
function epochMillis(instant: string): bigint {
  const [seconds = '0', nanos = '0'] = instant.split('.');
  return BigInt(seconds) * 1000n + BigInt(Math.floor(Number(nanos) / 1_000_000));
}

/** The same text that the server makes of a stored document. */
function documentText({ name, fields }: ExpectedDocument): string {
  const parts = fields.filter(({ text }) => text !== '').map(({ field, text }) => `${field}=${text}`);
  return [name, ...parts.sort()].join('|');
}

/** The document that the element ought to have now. A stale document's element is found by its name. */
async function expectedNow(
  { context, index }: Looking,
  name: string,
  known: ExpectedDocument | undefined,
  times: CellTimes,
): Promise<ExpectedDocument | undefined> {
  const { schema } = context;
  const [relationId, outVertex, typeId] = name.split('-').map((part) => Number.parseInt(part, 36));
  const vertex = known?.element.vertex ?? (index.element === 'vertex' ? relationId : outVertex);
  if (vertex === undefined || !Number.isFinite(Number(vertex))) return undefined;
  let found: ExpectedDocument | undefined;
  const keys = new Set(index.fields.map(({ key }) => key.id));
  const own: GraphObserver['property'] = (row, relation) => {
    const isIt = index.element === 'vertex' ? keys.has(relation.type.id) : relation.id === relationId;
    if (isIt) times.add(row.time);
  };
  const documents = documentsOf(index, (document) => {
    if (document.name === name) found = document;
  });
  const observer = rowObserver(schema, [documents, { property: own, edge: own }]);
  const type = index.element === 'edge' && typeId !== undefined ? schema.types.get(typeId) : undefined;
  const prefix = type === undefined ? undefined : columnPrefix(type, 'out');
  const range = prefix === undefined ? belowEdges : { from: prefix, to: afterPrefix(prefix) };
  await walkVertex(context, vertex, observer, range);
  return found;
}
