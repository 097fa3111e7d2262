import { z } from 'zod';
import { documentType } from './document.ts';
import { timelineId } from './identifiers.ts';
import { type Micros, instantText, parseInstant } from './instant.ts';

/**
 * The database's schema with table ids from `at` on, at `log/<timeline>/schema/<at>-<schema-version>.json`, written by whichever agent sees a
 * change first. A log can only be decoded and replayed with the table ids it was written under.
 */
const column = z.object({
  name: z.string(),
  kind: z.enum(['partition_key', 'clustering', 'static', 'regular']),
  /** Position in the key; -1 for other kinds. */
  position: z.number().int(),
  /** CQL type as system_schema.columns gives it: `blob`, `frozen<map<text, int>>`. */
  type: z.string(),
  clusteringOrder: z.enum(['asc', 'desc', 'none']),
});

export const loggedTable = z.object({
  keyspace: z.string(),
  table: z.string(),
  /** UUID with dashes. */
  id: z.uuid(),
  columns: z.array(column),
  /** Columns dropped since the table was made: their cells may still stand in the log. */
  dropped: z.array(z.object({ name: z.string(), type: z.string(), kind: z.enum(['static', 'regular']) })).default([]),
});
export type LoggedTable = z.infer<typeof loggedTable>;

export const logSchemaDocument = documentType(
  'log-schema',
  1,
  {
    timeline: timelineId,
    at: instantText,
    schemaVersion: z.string(),
    tables: z.array(loggedTable),
    keyspaces: z.array(
      z.object({
        keyspace: z.string(),
        durableWrites: z.boolean(),
        /** As system_schema.keyspaces gives it: class and options. */
        replication: z.record(z.string(), z.string()),
      }),
    ),
    /** CREATE statements with ids, in an order that works, for people and for tables that a base lacks. */
    cql: z.string(),
  },
  { sealed: true },
);
export type LogSchema = z.infer<typeof logSchemaDocument.body>;

export function logSchemaPrefix(timeline: string): string {
  return `log/${timeline}/schema/`;
}

export function logSchemaKey(schema: Pick<LogSchema, 'timeline' | 'at' | 'schemaVersion'>): string {
  return `${logSchemaPrefix(schema.timeline)}${schema.at.replaceAll(':', '')}-${schema.schemaVersion}.json`;
}

/** From when on the schema of that key holds; undefined for another key. */
export function instantOfSchemaKey(key: string): Micros | undefined {
  const [, day, hour, minute, rest] =
    /\/schema\/(\d{4}-\d{2}-\d{2})T(\d{2})(\d{2})(\d{2}\.\d{6}Z)-[^/]*$/.exec(key) ?? [];
  return day === undefined ? undefined : parseInstant(`${day}T${hour}:${minute}:${rest}`);
}

/** Keyspaces of Cassandra itself are never restored from the log, and a change in them concerns no restore. */
export function isUserKeyspace(keyspace: string): boolean {
  return !/^(system|system_.*|dse_.*|hcd_.*)$/.test(keyspace);
}
