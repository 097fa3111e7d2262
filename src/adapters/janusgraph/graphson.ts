import { FailedProblem } from '../../model/problem.ts';

/** A value as GraphSON 3 carries it in a binding. Whole numbers outside 32 bits and every bigint become 64-bit integers; arrays lists, plain objects maps. */
export function toGraphson(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'bigint':
      return { '@type': 'g:Int64', '@value': new ExactInteger(value) };
    case 'number':
      return numberToGraphson(value);
    case 'undefined':
      return null;
    case 'object':
      if (value === null) return null;
      if (value instanceof Date) return { '@type': 'g:Date', '@value': value.getTime() };
      if (Array.isArray(value)) return { '@type': 'g:List', '@value': value.map(toGraphson) };
      return {
        '@type': 'g:Map',
        '@value': Object.entries(value).flatMap(([key, inner]) => [key, toGraphson(inner)]),
      };
    default:
      throw unfit(`a value of type ${typeof value} cannot be a binding`);
  }
}

/**
 * Plain values from GraphSON 3: maps with their keys as text, lists and sets as arrays, whole numbers as number (as bigint where a number
 * would lose digits), dates as Date, ids of vertices, edges and properties as text.
 */
export function fromGraphson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromGraphson);
  if (typeof value !== 'object' || value === null) return value;
  if (!('@type' in value)) return plainObject(Object.entries(value).map(([key, inner]) => [key, fromGraphson(inner)]));
  const body = '@value' in value ? value['@value'] : undefined;
  const type = String(value['@type']);
  const read = readers[type];
  if (read !== undefined) return read(body);
  // Enumerations, UUIDs, instants, big numbers and the other extended types carry one plain value, which is their text.
  if (typeof body !== 'object' || body === null) return body;
  throw unfit(`the server sent a value of type ${type}`);
}

/** JSON whose whole numbers keep every digit: those outside the safe range become bigint. */
export function parseExact(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    const source = context?.source;
    if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined) return value;
    return /^-?\d+$/.test(source) ? BigInt(source) : value;
  });
}

/** Writes what `toGraphson` made. */
export function writeJson(value: unknown): string {
  return JSON.stringify(value);
}

/** A 64-bit integer in JSON with all its digits, which JSON.stringify only does through rawJSON. */
class ExactInteger {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
  toJSON(): unknown {
    return rawJson(this.value.toString());
  }
}

const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

function numberToGraphson(value: number): unknown {
  if (!Number.isFinite(value)) {
    return { '@type': 'g:Double', '@value': Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity' };
  }
  // A number past the safe integers is a measure, not a count: only a bigint says that each digit is meant.
  if (!Number.isSafeInteger(value)) return { '@type': 'g:Double', '@value': value };
  const fits32 = value >= -(2 ** 31) && value < 2 ** 31;
  return { '@type': fits32 ? 'g:Int32' : 'g:Int64', '@value': value };
}

function floating(body: unknown): unknown {
  switch (body) {
    case 'NaN':
      return Number.NaN;
    case 'Infinity':
      return Number.POSITIVE_INFINITY;
    case '-Infinity':
      return Number.NEGATIVE_INFINITY;
    default:
      // `parseExact` takes a large double that is written without a fraction for a whole number.
      return typeof body === 'bigint' ? Number(body) : body;
  }
}

function list(body: unknown): unknown {
  return Array.isArray(body) ? body.map(fromGraphson) : [];
}

function map(body: unknown): unknown {
  const flat = Array.isArray(body) ? body : [];
  const entries: [string, unknown][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    entries.push([textOf(fromGraphson(flat[index])), fromGraphson(flat[index + 1])]);
  }
  return plainObject(entries);
}

/** Counted entries, value then count. */
function bulkSet(body: unknown): unknown {
  const flat = Array.isArray(body) ? body : [];
  const found: unknown[] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const value = fromGraphson(flat[index]);
    for (let count = Number(fromGraphson(flat[index + 1])); count > 0; count--) found.push(value);
  }
  return found;
}

/** An element with its ids as text. */
function element(body: unknown): unknown {
  const entries = Object.entries((body ?? {}) as Record<string, unknown>);
  return plainObject(
    entries.map(([key, inner]) => {
      const value = fromGraphson(inner);
      return [key, ['id', 'inV', 'outV'].includes(key) ? textOf(value) : value];
    }),
  );
}

/** JanusGraph's id of an edge or property, which drivers that are not Java otherwise see as an object. */
function relationIdentifier(body: unknown): unknown {
  const id = (body as Record<string, unknown> | null)?.relationId;
  return textOf(id === undefined ? fromGraphson(body) : fromGraphson(id));
}

const readers: Readonly<Record<string, (body: unknown) => unknown>> = {
  'g:Int32': (body) => body,
  'g:Int64': (body) => body,
  'g:Float': floating,
  'g:Double': floating,
  'g:Date': (body) => new Date(Number(body)),
  'g:Timestamp': (body) => new Date(Number(body)),
  'g:List': list,
  'g:Set': list,
  'g:Map': map,
  'g:BulkSet': bulkSet,
  'g:Vertex': element,
  'g:Edge': element,
  'g:VertexProperty': element,
  'g:Property': element,
  'janusgraph:RelationIdentifier': relationIdentifier,
};

function plainObject(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(entries);
}

function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

function unfit(why: string): FailedProblem {
  return new FailedProblem({
    code: 'graph-value-unfit',
    happened: `A value cannot be sent between Cardea and JanusGraph: ${why}.`,
    state: 'Nothing was changed by this request.',
    next: 'Report this as a defect of the script; it should ask for plain values.',
  });
}
