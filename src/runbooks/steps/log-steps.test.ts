import { expect, test } from 'vitest';
import { writtenAt } from '../../../test/support/graph-changes.ts';
import { GraphLog } from '../../../test/support/graph-log.ts';
import { ShippedBucket, hosts, second, secondText } from '../../../test/support/shipped-bucket.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { graphSchemaDocument, graphSchemaKey, toSchemaDocument } from '../../graph/schema-document.ts';
import { readSchema } from '../../graph/schema.ts';
import type { StoredChange } from '../../graph/transactions/stored-change.ts';
import { commitSlot } from '../../model/commit-slot.ts';
import type { EnvironmentConfig } from '../../model/config.ts';
import { pointId, timelineId } from '../../model/identifiers.ts';
import { formatInstant, type Micros, micros } from '../../model/instant.ts';
import { leftOut, logPlanDocument, logPlanKey, plannedObjects, readLogPlan } from '../../model/log-plan.ts';
import { logSchemaDocument, logSchemaKey } from '../../model/log-schema.ts';
import { RetryableProblem } from '../../model/problem.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Platform } from '../../ports/platform.ts';
import type { Runbook } from '../../runbook/define.ts';
import { acceptedResult } from '../../runbook/step-result.ts';
import { listTimelines } from '../catalog/timeline-catalog.ts';
import type { RunbookServices } from '../services.ts';
import { checkLogs, decideLogs, extendLogs, planLogsStep, planOf } from './log-steps.ts';
import { openReplayedTimeline } from './timeline-steps.ts';

const rows = new TableRows();
const schema = await readSchema(rows, 'janusgraph');
/** Vertex 4296 and the edge from it to itself. */
const loop = writtenAt(rows, schema, 1).filter(
  ({ table, key }) => table === 'edgestore' && schema.ids.fromKey(key) === 4296,
);
const run = 'restore-20260219-020300-k3f9';
const many = 500;
const known = { idsKnown: true };

/** Half of a transaction in each slot: one cell of the several that belong together. */
const half = (slot: Micros): StoredChange[] => loop.slice(-1).map((change) => ({ ...change, at: slot }));
const slotsFrom = (begin: number): Micros[] =>
  Array.from({ length: many }, (_, at) => commitSlot(micros(second(begin) + at * 10_000)));

/** A database that is down, as after a disaster. */
const away = {
  rows: () => {
    throw new RetryableProblem({ code: 'database-unreachable', happened: 'It is down.', state: '', next: '' });
  },
};

/** A step's work on a bucket alone, at that second. */
function workOn(bucket: ObjectStore, now: number) {
  const platform = {
    bucket,
    environment: 'local',
    keyspace: 'janusgraph',
    database: away,
    nodes: [],
  } as unknown as Platform;
  const config = { backup: { log: { settleMargin: '10s' } } } as unknown as EnvironmentConfig;
  const clock = { now: () => new Date(second(now) / 1000), monotonic: () => 0, sleep: async () => {} };
  const services: RunbookServices = { platform, config, clock };
  const lines: string[] = [];
  const work = {
    run,
    step: 'plan-logs',
    environment: 'local',
    epoch: 1,
    startedAt: clock.now(),
    signal: new AbortController().signal,
    progress: () => {},
    log: (line: string) => void lines.push(line),
    services,
  };
  return { platform, work, lines };
}

async function busyEnd() {
  const shipped = new ShippedBucket();
  const { store } = shipped;
  const log = new GraphLog(store);
  await log.open('t0001', second(0));
  const place = { timeline: 't0001', host: hosts[0] };
  await log.ship(
    { ...place, from: second(0), to: second(20) },
    loop.map((each) => ({ ...each, at: second(13) })),
  );
  await log.ship({ ...place, from: second(20), to: second(106) }, slotsFrom(100).flatMap(half));
  const point = await shipped.point(10, 12, { nodeCount: 1 });
  const document = toSchemaDocument(schema, { keyspace: 'janusgraph', at: secondText(12), shapes: [] });
  await store.put(graphSchemaKey(point), graphSchemaDocument.write(document));
  const { platform, work, lines } = workOn(store, 107);
  const excluded = slotsFrom(30).map((slot) => formatInstant(slot));
  const params = {
    point: pointId.parse(point),
    replay: true,
    toEnd: false,
    logs: { instant: secondText(106), timeline: timelineId.parse('t0001'), exclusions: excluded },
  };
  return { platform, work, params, excluded, lines };
}

test('500 half-shipped transactions and 500 that are left out fit into one restore to the end of the log', async () => {
  const { platform, work, params, excluded, lines } = await busyEnd();
  const incomplete = slotsFrom(100).map((slot) => formatInstant(slot));
  const result = await decideLogs(work, params, known);
  const step = planLogsStep as unknown as Runbook['steps'][number];
  // The journal takes it, and it names no more than a few.
  expect(acceptedResult(step, result).value).toEqual(result);
  expect(result.exclusions).toEqual({ count: 2 * many, first: excluded.slice(0, 5) });
  expect(result.incomplete).toEqual({ count: many, first: incomplete.slice(0, 5) });
  expect(lines.filter((line) => line.startsWith('left out:'))).toHaveLength(many);

  const { sha256 } = await checkLogs(work, params, result);
  const plan = await planOf(platform, work, { sha256 });
  expect(plan.incomplete).toEqual(incomplete);
  expect(leftOut(plan)).toEqual({ timeline: 't0001', exclusions: [...excluded, ...incomplete] });

  await openReplayedTimeline(work, plan);
  const opened = (await listTimelines(platform.bucket)).at(-1);
  expect(opened?.exclusions).toEqual([...excluded, ...incomplete]);
  expect(opened?.why).toBe(`restored to ${secondText(106)} without ${excluded.slice(0, 5).join(', ')} and 995 more`);
});

/** The methods alone, so that one of them can be another. */
function storeOf(bucket: ObjectStore): ObjectStore {
  return {
    description: bucket.description,
    get: bucket.get.bind(bucket),
    getStream: bucket.getStream.bind(bucket),
    head: bucket.head.bind(bucket),
    put: bucket.put.bind(bucket),
    delete: bucket.delete.bind(bucket),
    list: bucket.list.bind(bucket),
    children: bucket.children.bind(bucket),
    putStream: bucket.putStream.bind(bucket),
    close: bucket.close.bind(bucket),
  };
}

/** A log that grows: whole transactions at these seconds, in an object for each five seconds. */
async function growing() {
  const shipped = new ShippedBucket();
  const log = new GraphLog(shipped.store);
  await log.open('t0001', second(0));
  const place = { timeline: 't0001', host: hosts[0] };
  const ship = async (from: number, to: number, ...at: number[]) =>
    log.ship(
      { ...place, from: second(from), to: second(to) },
      at.flatMap((each) => loop.map((change) => ({ ...change, at: commitSlot(second(each)) }))),
    );
  for (let from = 0; from < 60; from += 5) await ship(from, from + 5, from + 2);
  const point = await shipped.point(10, 12, { nodeCount: 1 });
  const read: string[] = [];
  const { work, platform, lines } = workOn(shipped.store, 120);
  const { bucket } = platform;
  const watched = {
    ...storeOf(bucket),
    get: async (key: string) => {
      if (/\/\d{10,}-\d{10,}$/.test(key)) read.push(key);
      return bucket.get(key);
    },
  };
  const services = { ...work.services, platform: { ...platform, bucket: watched } as unknown as Platform };
  const target = { instant: secondText(60), timeline: timelineId.parse('t0001'), exclusions: [] };
  const params = { point: pointId.parse(point), replay: true, toEnd: true, logs: target };
  return { ship, read, work: { ...work, services }, params, bucket, lines };
}

test('the extension has what was not settled when the plan was made and what came since, and nothing that was read before is read again', async () => {
  const { ship, read, work, params, bucket } = await growing();
  const planned = await decideLogs(work, params, known);
  const verified = await checkLogs(work, params, planned);
  const settled = await planOf({ bucket } as Platform, work, verified);
  expect(settled.strands).toMatchObject([{ until: secondText(50) }]);
  expect(read.length).toBe(plannedObjects(settled).length);
  await ship(60, 65, 62);
  await ship(65, 70, 67);
  read.length = 0;
  const extended = await extendLogs(work, params, { planned, verified });
  const extension = await planOf({ bucket } as Platform, work, extended);
  expect(extension).toMatchObject({ instant: secondText(70), strands: [{ until: secondText(70) }] });
  // Two new ones, and all of the last two minutes, because what is proved may lag behind what an object holds.
  const keys = plannedObjects(extension).map(({ key }) => key);
  const before = new Set(plannedObjects(settled).map(({ key }) => key));
  expect(read).toEqual(keys.filter((key) => !before.has(key)));
  expect(read).toHaveLength(2);
});

test('an object that the plan does without, because its header is damaged, is named', async () => {
  const { work, params, bucket, lines } = await growing();
  const objects = (await Array.fromAsync(bucket.list('log/t0001/'))).map(({ key }) => key);
  const key = objects.filter((each) => /\/\d{10,}-\d{10,}$/.test(each)).at(-1) ?? '';
  const body = Buffer.from((await bucket.get(key))?.body ?? []);
  body[3] = (body[3] ?? 0) ^ 4;
  await bucket.put(key, body);
  const early = { ...params, toEnd: false, logs: { ...params.logs, instant: secondText(30) } };
  await decideLogs(work, early, { idsKnown: false });
  expect(lines.join('\n')).toContain(`the plan does without ${key}: A log piece is damaged`);
});

test('a table that was created since the plan was shown ends the run before anything is moved', async () => {
  const { ship, work, params, bucket } = await growing();
  const planned = await decideLogs(work, params, known);
  const verified = await checkLogs(work, params, planned);
  const [key = ''] = (await Array.fromAsync(bucket.list('log/t0001/schema/'))).map((each) => each.key);
  const schema = logSchemaDocument.read((await bucket.get(key))?.body ?? '', key);
  const table = { ...schema.tables[0], table: 'added', id: '00000000-0000-4000-8000-00000000abcd' };
  const later = { ...schema, at: secondText(61), tables: [...schema.tables, table] };
  const newer = logSchemaDocument.body.parse(later);
  await bucket.put(logSchemaKey(newer), logSchemaDocument.write(newer));
  await ship(60, 65, 62);
  await expect(extendLogs(work, params, { planned, verified })).rejects.toMatchObject({
    code: 'schema-changed',
    happened: expect.stringContaining('janusgraph.added was created'),
  });
});

test('a step does not follow a plan whose document is not the one in the journal', async () => {
  const { platform, work, params } = await busyEnd();
  const decided = await decideLogs(work, params, known);
  const { sha256 } = decided;
  const plan = await planOf(platform, work, { sha256 });
  await platform.bucket.put(logPlanKey({ run, sha256 }), logPlanDocument.write({ ...plan, uncut: [] }));
  await expect(checkLogs(work, params, decided)).rejects.toMatchObject({ code: 'log-plan-changed' });
  await expect(planOf(platform, work, { sha256 })).rejects.toThrow('the step plan-logs does not follow it');
});

test('a plan of an earlier version is read, with nothing in the lists that it did not hold', async () => {
  const { platform, work, params } = await busyEnd();
  const {
    incomplete: _,
    addedTables: __,
    ...before
  } = await planOf(platform, work, await decideLogs(work, params, known));
  const text = JSON.stringify({ kind: 'log-plan', version: 1, ...before });
  expect(readLogPlan(text, 'log-plan.json')).toEqual({ ...before, incomplete: [], addedTables: [] });
  expect(() => readLogPlan(text.replace('"version":1', '"version":3'), 'log-plan.json')).toThrow(
    'reads only version 2',
  );
});
