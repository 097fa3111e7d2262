import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { loggedTable } from '../../src/model/log-schema.ts';

const base64 = z.string().transform((text) => new Uint8Array(Buffer.from(text, 'base64')));

const shape = z.object({
  tables: z.array(loggedTable),
  /** One section of each format, with the header of its segment and the place where it stood. */
  sections: z.array(
    z.object({
      name: z.string(),
      header: base64,
      from: z.number(),
      section: base64,
      mutations: z.number(),
      /** Bytes of its mutations together. */
      plain: z.number(),
    }),
  ),
  /** Of every kind of CQL (`everyKind`), in both versions, and of JanusGraph. */
  mutations: z.array(z.object({ version: z.number(), bytes: base64 })),
});

/** Parts of the logs of a real Cassandra 5.0.6, in its own format and in that of 4.x, taken by test/real/commitlog.test.ts. */
export function goldenLog(): z.infer<typeof shape> {
  const file = join(import.meta.dirname, '../../src/commitlog/golden-log.json.gz');
  return shape.parse(JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')));
}
