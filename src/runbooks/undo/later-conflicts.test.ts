import { expect, test } from 'vitest';
import { writtenAt } from '../../../test/support/graph-changes.ts';
import { GraphLog } from '../../../test/support/graph-log.ts';
import { ShippedBucket, hosts, second, secondText } from '../../../test/support/shipped-bucket.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { graphSchemaDocument, graphSchemaKey, toSchemaDocument } from '../../graph/schema-document.ts';
import { readSchema } from '../../graph/schema.ts';
import { commitSlot } from '../../model/commit-slot.ts';
import type { EnvironmentConfig } from '../../model/config.ts';
import { pointId, timelineId } from '../../model/identifiers.ts';
import { formatInstant } from '../../model/instant.ts';
import type { Platform } from '../../ports/platform.ts';
import { checkLogs, decideLogs, extendLogs } from '../steps/log-steps.ts';
import { analyseUndo } from './undo-analysis.ts';

/* An undo by a restore, and what applications write while its files are brought. */

const rows = new TableRows();
const schema = await readSchema(rows, 'janusgraph');
/** A vertex and an edge from it to itself. */
const loop = writtenAt(rows, schema, 1).filter(
  ({ table, key }) => table === 'edgestore' && schema.ids.fromKey(key) === 4296,
);

test.each([
  { what: 'something was built on what it undoes while its files were brought', until: 290, written: 200 },
  // In less than the time that a commit may take, which is more than the margin that counts as settled.
  {
    what: 'a commit that began before its plan and reached the log after it has built on that',
    until: 140,
    written: 45,
  },
])('an undo by a restore is refused before anything is moved when $what', async ({ until, written }) => {
  const shipped = new ShippedBucket();
  const { store } = shipped;
  const log = new GraphLog(store);
  await log.open('t0001', second(0));
  const place = { timeline: 't0001', host: hosts[0] };
  const undone = commitSlot(second(30));
  const at = (slot: number) => loop.map((change) => ({ ...change, at: slot }));
  await log.ship({ ...place, from: second(0), to: second(15) }, []);
  await log.ship({ ...place, from: second(15), to: second(60) }, at(undone));
  const point = await shipped.point(10, 12, { nodeCount: 1 });
  const document = toSchemaDocument(schema, { keyspace: 'janusgraph', at: secondText(12), shapes: [] });
  await store.put(graphSchemaKey(point), graphSchemaDocument.write(document));
  const platform = {
    bucket: store,
    environment: 'local',
    keyspace: 'janusgraph',
    database: rows,
    nodes: [],
  } as unknown as Platform;
  const config = { backup: { log: { settleMargin: '10s' } } } as unknown as EnvironmentConfig;
  const clock = { now: () => new Date(second(300) / 1000), monotonic: () => 0, sleep: async () => {} };
  const work = {
    run: 'restore-20260219-020300-k3f9',
    step: 'plan-logs',
    environment: 'local',
    epoch: 1,
    startedAt: clock.now(),
    signal: new AbortController().signal,
    progress: () => {},
    log: () => {},
    services: { platform, config, clock },
  };
  const groups = [`${formatInstant(undone)}/*`];
  const conflicts = async () =>
    (await analyseUndo({ bucket: store, keyspace: 'janusgraph' }, { schema }, { groups, settleMargin: 0 })).report
      .conflictCount;
  expect(await conflicts()).toBe(0);
  const logs = { instant: secondText(60), timeline: timelineId.parse('t0001'), exclusions: [formatInstant(undone)] };
  const params = { point: pointId.parse(point), replay: true, toEnd: true, logs };
  const planned = await decideLogs(work, params, { idsKnown: true });
  const verified = await checkLogs(work, params, planned);
  // The graph serves for as long as the files and the log take, and somebody writes to the vertex that is to go.
  await log.ship({ ...place, from: second(60), to: second(until) }, at(commitSlot(second(written))));
  expect(await conflicts()).toBeGreaterThan(0);
  await expect(extendLogs(work, params, { planned, verified })).rejects.toMatchObject({ code: 'undo-conflicts' });
});
