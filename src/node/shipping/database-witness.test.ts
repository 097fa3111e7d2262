import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { instantOf } from '../../model/instant.ts';
import { logSchemaDocument } from '../../model/log-schema.ts';
import { DatabaseWitness } from './database-witness.ts';
import type { StreamWriter } from './stream-writer.ts';

test('a schema that cannot be read any more is followed by another one, so that bases can be brought forward again', async () => {
  const bucket = new MemoryStore();
  const clock = new FakeClock();
  const schemaVersion = '0192';
  const database = {
    glance: async () => ({ hostId: 'a', schemaVersion, tokens: ['0'], truncated: new Map(), streams: [] }),
    schema: async () => ({ schemaVersion, tables: [], keyspaces: [], cql: '' }),
    close: async () => undefined,
  };
  const since = instantOf('2026-02-19T01:00:00.000000Z');
  const stream = { timeline: 't0001', since, position: { covered: since + 60_000_000 } } as unknown as StreamWriter;
  await new DatabaseWitness({ database, bucket, clock }, undefined).look(stream);
  const [first = ''] = bucket.objects.keys();
  await bucket.put(first, 'damaged');
  await new DatabaseWitness({ database, bucket, clock }, undefined).look(stream);
  const [, second = ''] = [...bucket.objects.keys()].sort();
  expect(second).toContain('2026-02-19T010100');
  const stored = await bucket.get(second);
  expect(logSchemaDocument.read(stored?.body ?? '', second)).toMatchObject({ schemaVersion });
});
