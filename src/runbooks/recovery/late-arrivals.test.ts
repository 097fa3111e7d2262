import { expect, test } from 'vitest';
import { writtenAt } from '../../../test/support/graph-changes.ts';
import { GraphLog } from '../../../test/support/graph-log.ts';
import { noDatabase } from '../../../test/support/no-database.ts';
import { hosts, second, secondText, ShippedBucket } from '../../../test/support/shipped-bucket.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { graphSchemaDocument, graphSchemaKey, toSchemaDocument } from '../../graph/schema-document.ts';
import { readSchema } from '../../graph/schema.ts';
import { commitSlot } from '../../model/commit-slot.ts';
import type { EnvironmentConfig } from '../../model/config.ts';
import { timelineId } from '../../model/identifiers.ts';
import { formatInstant } from '../../model/instant.ts';
import type { Platform } from '../../ports/platform.ts';
import { makeLogPlan } from './make-log-plan.ts';

const [a] = hosts;

test('a transaction of the last seconds is whole without the entries of an index that was disabled since the backup that recorded the schema', async () => {
  const rows = new TableRows();
  const schema = await readSchema(rows, 'janusgraph');
  // Since `DISABLE_INDEX` JanusGraph writes no entries: what is in the edge store is all of the transaction.
  const all = writtenAt(rows, schema, 1);
  const edges = all.filter(({ table }) => table === 'edgestore');
  const indexes = schema.compositeIndexes.filter(({ id }) => schema.types.get(id)?.system !== true);
  const keys = new Set(indexes.map(({ id }) => schema.ids.toKey(id).toString('hex')));
  const disabling = [...(rows.tables['edgestore']?.values() ?? [])].flatMap(([key, column, value]): typeof all =>
    keys.has(key) ? [{ table: 'edgestore', ...bytesOf({ key, column, value }), at: 1, host: a }] : [],
  );
  expect(disabling.length).toBeGreaterThanOrEqual(indexes.length);
  const incompleteWith = async (parts: { readonly disabledAt?: number; readonly beside?: typeof all }) => {
    const bucket = new ShippedBucket();
    const log = new GraphLog(bucket.store);
    await log.open('t0001', second(0));
    const at = (changes: typeof all, count: number) =>
      changes.map((change) => ({ ...change, at: commitSlot(second(count)) }));
    await log.ship(
      { timeline: 't0001', host: a, from: second(0), to: second(4) },
      parts.disabledAt === undefined ? [] : at(disabling, parts.disabledAt),
    );
    await log.ship({ timeline: 't0001', host: a, from: second(4), to: second(15) }, [
      ...at(edges, 13),
      ...at(parts.beside ?? [], 14),
    ]);
    const id = await bucket.point(1, 2, { nodeCount: 1, replicationFactor: 1, proof: 'checked' });
    // As the last backup recorded it: the indexes were enabled then.
    const document = toSchemaDocument(schema, { keyspace: 'janusgraph', at: secondText(2), shapes: [] });
    await bucket.store.put(graphSchemaKey(id), graphSchemaDocument.write(document));
    const { plan } = await makeLogPlan(
      {
        platform: {
          bucket: bucket.store,
          environment: 'local',
          keyspace: 'janusgraph',
          database: noDatabase,
        } as unknown as Platform,
        config: { backup: { log: { settleMargin: '10s' } } } as unknown as EnvironmentConfig,
        clock: { now: () => new Date(second(16) / 1000), monotonic: () => 0, sleep: async () => {} },
      },
      {
        point: id,
        run: 'restore-20260219-020300-k3f9',
        signal: new AbortController().signal,
        replay: true,
        toEnd: false,
        logs: { instant: secondText(15), timeline: timelineId.parse('t0001'), exclusions: [] },
      },
      { idsKnown: true },
    );
    return plan.incomplete;
  };
  expect(await incompleteWith({ disabledAt: 3 })).toEqual([]);
  const lacking = [formatInstant(commitSlot(second(13)))];
  // Nothing says that they were disabled: the entries are what has not arrived.
  expect(await incompleteWith({})).toEqual(lacking);
  expect(await incompleteWith({ beside: all })).toEqual(lacking);
});

function bytesOf(texts: { readonly key: string; readonly column: string; readonly value: string }) {
  return {
    key: Buffer.from(texts.key, 'hex'),
    column: Buffer.from(texts.column, 'hex'),
    value: Buffer.from(texts.value, 'hex'),
  };
}

test('a commit that took seventy seconds, acknowledged and shipped whole, is not left out of an instant at the end of the log', async () => {
  const rows = new TableRows();
  const schema = await readSchema(rows, 'janusgraph');
  const recorded = {
    ...schema,
    compositeIndexes: schema.compositeIndexes.filter(({ id }) => schema.types.get(id)?.system),
  };
  const all = writtenAt(rows, schema, 1).filter(({ table }) => table === 'edgestore');
  const [slow, other] = [commitSlot(second(13)), commitSlot(second(70))];
  const half = Math.floor(all.length / 2);
  const incompleteWith = async (late: number) => {
    const bucket = new ShippedBucket();
    const log = new GraphLog(bucket.store);
    await log.open('t0001', second(0));
    const place = { timeline: 't0001', host: a };
    const at = (changes: typeof all, time: typeof slow) => changes.map((change) => ({ ...change, at: time }));
    await log.ship({ ...place, from: second(0), to: second(15) }, at(all.slice(0, half), slow));
    // `late`: where the second half lies in the log.
    await log.ship(
      { ...place, from: second(15), to: second(late === 1 ? 40 : 80) },
      late === 1 ? at(all.slice(half), slow) : at(all, other),
    );
    await log.ship(
      { ...place, from: second(late === 1 ? 40 : 80), to: second(100) },
      late === 1 ? at(all, other) : at(all.slice(half), slow),
    );
    const id = await bucket.point(1, 2, { nodeCount: 1, replicationFactor: 1, proof: 'checked' });
    const document = toSchemaDocument(recorded, { keyspace: 'janusgraph', at: secondText(2), shapes: [] });
    await bucket.store.put(graphSchemaKey(id), graphSchemaDocument.write(document));
    const { plan } = await makeLogPlan(
      {
        platform: {
          bucket: bucket.store,
          environment: 'local',
          keyspace: 'janusgraph',
          database: noDatabase,
        } as unknown as Platform,
        config: { backup: { log: { settleMargin: '120s' } } } as unknown as EnvironmentConfig,
        clock: { now: () => new Date(second(101) / 1000), monotonic: () => 0, sleep: async () => {} },
      },
      {
        point: id,
        run: 'restore-20260219-020300-k3f9',
        signal: new AbortController().signal,
        replay: true,
        toEnd: false,
        logs: { instant: secondText(100), timeline: timelineId.parse('t0001'), exclusions: [] },
      },
      { idsKnown: true },
    );
    return plan.incomplete;
  };
  expect(await incompleteWith(1)).toEqual([]);
  expect(await incompleteWith(2)).toEqual([]);
});
