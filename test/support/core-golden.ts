import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { loggedTable } from '../../src/model/log-schema.ts';

const folder = join(import.meta.dirname, '../golden/hcd');

/** Sets of segments that the public core of HCD wrote, with what its own reader says of every mutation: test/golden/hcd/README.md. */
export const coreSets = ['plain', 'lz4', 'dropped', 'janusgraph'] as const;

const time = z.string();
const deletion = z.object({ at: time, localTime: z.number() });
const cell = z.object({
  column: z.string(),
  at: time,
  path: z.string().optional(),
  value: z.string().optional(),
  ttl: z.number().optional(),
  expiresAt: z.number().optional(),
  deletedLocalTime: z.number().optional(),
});
const row = z.object({
  clustering: z.array(z.string().nullable()),
  liveness: z.object({ at: time, ttl: z.number().optional(), expiresAt: z.number().optional() }).optional(),
  deletion: deletion.optional(),
  cells: z.array(cell),
  complexDeletions: z.array(z.object({ column: z.string(), ...deletion.shape })).optional(),
});
const range = z.object({
  ...deletion.shape,
  start: z.array(z.string().nullable()),
  startInclusive: z.boolean(),
  end: z.array(z.string().nullable()),
  endInclusive: z.boolean(),
});
const mutation = z.object({
  entryEnd: z.number(),
  size: z.number(),
  keyspace: z.string(),
  key: z.string(),
  updates: z.array(
    z.object({
      table: z.string(),
      id: z.string(),
      partitionDeletion: deletion.optional(),
      staticRow: row.optional(),
      rows: z.array(row),
      rangeTombstones: z.array(range).optional(),
    }),
  ),
});
export type GoldenMutation = z.infer<typeof mutation>;

export interface CoreSet {
  readonly segments: ReadonlyMap<string, Uint8Array>;
  /** By id. */
  readonly schema: ReadonlyMap<string, z.infer<typeof loggedTable>>;
  readonly expected: ReadonlyMap<string, readonly GoldenMutation[]>;
}

export function coreGolden(set: (typeof coreSets)[number]): CoreSet {
  const read = (name: string) => gunzipSync(readFileSync(join(folder, set, name)));
  const { tables } = z.object({ tables: z.array(loggedTable) }).parse(JSON.parse(read('schema.json.gz').toString()));
  const { segments } = z
    .object({ segments: z.record(z.string(), z.array(mutation)) })
    .parse(JSON.parse(read('expected.json.gz').toString()));
  const files = readdirSync(join(folder, set)).filter((name) => name.endsWith('.log.gz'));
  return {
    segments: new Map(files.map((name) => [name.slice(0, -'.gz'.length), new Uint8Array(read(name))])),
    schema: new Map(tables.map((table) => [table.id, table])),
    expected: new Map(Object.entries(segments)),
  };
}
