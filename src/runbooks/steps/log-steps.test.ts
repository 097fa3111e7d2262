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
import { leftOut, logPlanDocument, logPlanKey, readLogPlan } from '../../model/log-plan.ts';
import type { Platform } from '../../ports/platform.ts';
import type { Runbook } from '../../runbook/define.ts';
import { acceptedResult } from '../../runbook/step-result.ts';
import { listTimelines } from '../catalog/timeline-catalog.ts';
import type { RunbookServices } from '../services.ts';
import { checkLogs, decideLogs, planLogsStep, planOf } from './log-steps.ts';
import { openReplayedTimeline } from './timeline-steps.ts';

const rows = new TableRows();
const schema = await readSchema(rows, 'janusgraph');
/** Vertex 4296 and the edge from it to itself. */
const loop = writtenAt(rows, schema, 1).filter(
  ({ table, key }) => table === 'edgestore' && schema.ids.fromKey(key) === 4296,
);
const run = 'restore-20260219-020300-k3f9';
const many = 500;

/** Half of a transaction in each slot: one cell of the several that belong together. */
const half = (slot: Micros): StoredChange[] => loop.slice(-1).map((change) => ({ ...change, at: slot }));
const slotsFrom = (begin: number): Micros[] =>
  Array.from({ length: many }, (_, at) => commitSlot(micros(second(begin) + at * 10_000)));

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
  const platform = { bucket: store, environment: 'local', keyspace: 'janusgraph', nodes: [] } as unknown as Platform;
  const config = { backup: { log: { settleMargin: '10s' } } } as unknown as EnvironmentConfig;
  const clock = { now: () => new Date(second(107) / 1000), monotonic: () => 0, sleep: async () => {} };
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
  const result = await decideLogs(work, params);
  const step = planLogsStep as unknown as Runbook['steps'][number];
  // The journal takes it, and it names no more than a few.
  expect(acceptedResult(step, result).value).toEqual(result);
  expect(result.exclusions).toEqual({ count: 2 * many, first: excluded.slice(0, 5) });
  expect(result.incomplete).toEqual({ count: many, first: incomplete.slice(0, 5) });
  expect(lines.filter((line) => line.startsWith('left out:'))).toHaveLength(many);

  const { sha256 } = await checkLogs(work, params, result.sha256);
  const plan = await planOf(platform, work, { sha256 });
  expect(plan.incomplete).toEqual(incomplete);
  expect(leftOut(plan)).toEqual({ timeline: 't0001', exclusions: [...excluded, ...incomplete] });

  await openReplayedTimeline(work, plan);
  const opened = (await listTimelines(platform.bucket)).at(-1);
  expect(opened?.exclusions).toEqual([...excluded, ...incomplete]);
  expect(opened?.why).toBe(`restored to ${secondText(106)} without ${excluded.slice(0, 5).join(', ')} and 995 more`);
});

test('a step does not follow a plan whose document is not the one in the journal', async () => {
  const { platform, work, params } = await busyEnd();
  const { sha256 } = await decideLogs(work, params);
  const plan = await planOf(platform, work, { sha256 });
  await platform.bucket.put(logPlanKey({ run, sha256 }), logPlanDocument.write({ ...plan, uncut: [] }));
  await expect(checkLogs(work, params, sha256)).rejects.toMatchObject({ code: 'log-plan-changed' });
  await expect(planOf(platform, work, { sha256 })).rejects.toThrow('the step plan-logs does not follow it');
});

test('a plan of an earlier version is read, with nothing in the lists that it did not hold', async () => {
  const { platform, work, params } = await busyEnd();
  const { incomplete: _, addedTables: __, ...before } = await planOf(platform, work, await decideLogs(work, params));
  const text = JSON.stringify({ kind: 'log-plan', version: 1, ...before });
  expect(readLogPlan(text, 'log-plan.json')).toEqual({ ...before, incomplete: [], addedTables: [] });
  expect(() => readLogPlan(text.replace('"version":1', '"version":3'), 'log-plan.json')).toThrow(
    'reads only version 2',
  );
});
