import { readSchema, type GraphSchema } from '../../graph/schema.ts';
import {
  bareSchema,
  fromSchemaDocument,
  graphSchemaDocument,
  graphSchemaKey,
  graphSchemaPrefix,
  toSchemaDocument,
} from '../../graph/schema-document.ts';
import { sampleShapes } from '../../graph/transactions/sample-shapes.ts';
import type { VertexShape } from '../../graph/transactions/vertex-shapes.ts';
import { formatInstant, instantOf, type Micros, microsOf } from '../../model/instant.ts';
import { Problem } from '../../model/problem.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Platform } from '../../ports/platform.ts';

/** The schema that gives names to the type ids in rows and logs, and where it was read. */
export interface KnownSchema {
  readonly schema: GraphSchema;
  readonly shapes: readonly VertexShape[];
  readonly from: 'database' | 'bucket' | 'nowhere';
  /** When a backup recorded it; absent for the present one. */
  readonly at?: Micros;
  /** For people: where the schema came from, or why there are only ids. */
  readonly says: string;
}

/** Stores the graph's types beside a point. Reads of the database fail as RetryableProblem; a graph of unknown form as RefusedProblem. */
export async function recordSchema(platform: Platform, point: string, clock: Clock): Promise<{ types: number }> {
  const { database, keyspace, bucket } = platform;
  const schema = await readSchema(database, keyspace);
  const shapes = await sampleShapes(database, keyspace, schema);
  const document = toSchemaDocument(schema, { keyspace, at: formatInstant(microsOf(clock.now())), shapes });
  await bucket.put(graphSchemaKey(point), graphSchemaDocument.write(document));
  return { types: document.types.length + document.labels.length };
}

/**
 * The schema to read the log around an instant with: the database's own if it answers, else that of the newest point at
 * or before the instant, else of the oldest after it, else only JanusGraph's own types. Never throws because the
 * database is down.
 */
export async function knownSchema(platform: Platform, around: Micros): Promise<KnownSchema> {
  const stored = await storedSchema(platform.bucket, around);
  try {
    const schema = await readSchema(platform.database, platform.keyspace);
    const shapes = stored?.shapes ?? (await sampleShapes(platform.database, platform.keyspace, schema));
    return { schema, shapes, from: 'database', says: 'the database' };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (stored !== undefined) return stored;
    const says = `Ids are shown instead of names: the bucket has no schema, and the database cannot be read (${error.happened}).`;
    return { schema: bareSchema(), shapes: [], from: 'nowhere', says };
  }
}

/** From the bucket alone; undefined when no backup has stored one that can be read. */
export async function storedSchema(bucket: ObjectStore, around: Micros): Promise<KnownSchema | undefined> {
  for await (const recorded of recordedSchemas(bucket, around)) return recorded;
  return undefined;
}

/** A schema as the backup of a point recorded it. */
export interface RecordedSchema extends KnownSchema {
  readonly point: string;
  readonly at: Micros;
}

/**
 * What backups recorded, by the names of their points: of those at or before the instant the newest first, then those after it, the oldest first.
 * One that is damaged is passed over: another one tells nearly the same.
 */
export async function* recordedSchemas(bucket: ObjectStore, around: Micros): AsyncGenerator<RecordedSchema> {
  const keys: string[] = [];
  for await (const { key } of bucket.list(graphSchemaPrefix)) keys.push(key);
  const wanted = graphSchemaKey(`backup-${compact(around)}`);
  const later = keys.findIndex((key) => key > wanted);
  const before = later < 0 ? keys : keys.slice(0, later);
  for (const key of [...before.toReversed(), ...keys.slice(before.length)]) {
    const found = await bucket.get(key);
    const document = found === undefined ? undefined : readable(found.body, key);
    if (document === undefined) continue;
    const point = key.slice(graphSchemaPrefix.length, -'.json'.length);
    yield { ...fromSchemaDocument(document), from: 'bucket', at: instantOf(document.at), says: key, point };
  }
}

function readable(body: Uint8Array, key: string) {
  try {
    return graphSchemaDocument.read(body, key);
  } catch (error) {
    if (error instanceof Problem && error.code === 'bad-document') return undefined;
    throw error;
  }
}

/** `20260219-020000`, as the ids of points carry it. */
function compact(at: Micros): string {
  const text = formatInstant(at);
  return `${text.slice(0, 10).replaceAll('-', '')}-${text.slice(11, 19).replaceAll(':', '')}`;
}
