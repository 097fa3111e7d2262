import { join } from 'node:path';
import { openNodeFiles } from '../../../src/adapters/node-files/node-files.ts';
import { z } from 'zod';
import { FailedProblem } from '../../../src/model/problem.ts';
import type { StoredObject } from '../../../src/ports/object-store.ts';
import { configSchema } from '../../../src/model/config.ts';
import { formatInstant, micros, microsOf } from '../../../src/model/instant.ts';
import { runId, timelineId } from '../../../src/model/identifiers.ts';
import type { Finding } from '../../../src/graph/invariants/finding.ts';
import {
  bareSchema,
  graphSchemaDocument,
  graphSchemaKey,
  toSchemaDocument,
} from '../../../src/graph/schema-document.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { ownBucket } from '../../../src/ports/own-bucket.ts';
import { acceptFindings, recordFindings } from '../../../src/runbooks/catalog/finding-catalog.ts';
import { orderShipping } from '../../../src/runbooks/catalog/shipping-order.ts';
import { countingIds } from '../fake-clock.ts';
import { restorePointDocument } from '../../../src/model/restore-point.ts';
import { timelineDocument, timelineKey } from '../../../src/model/timeline.ts';
import { jobRunners } from '../../../src/node/jobs/job-runners.ts';
import type { BackupTool } from '../../../src/ports/backup-tool.ts';
import { createPoint } from '../../../src/runbooks/catalog/point-catalog.ts';
import { keepIdMark } from '../../../src/runbooks/catalog/id-mark.ts';
import { idleContext, simulateNode } from '../simulated-node.ts';
import { memorySigner } from '../engine-world.ts';
import { CopiedBucket } from './copied-bucket.ts';
import type { CampaignParts } from './campaign.ts';
import { copiedWorld, downloading, standingClock } from './copied-world.ts';
import { answerTo, questionsOf } from './questions.ts';
import type { BucketFacts } from './real-bucket.ts';

/**
 * A small bucket as the real jobs and a real run leave it, made without any server: one point, a restore that was broken off with its data aside,
 * and documents of the other kinds. A log with mutations needs a Cassandra; test/faults has one.
 */
export async function madeBucket(folder: string): Promise<Omit<CampaignParts, 'carries'>> {
  const bucket = new CopiedBucket(new Map());
  const point = 'backup-20260219-010000';
  const node = await simulateNode(
    () => bucket,
    (root) => openNodeFiles(join(root, 'hashes.json')),
  );
  const tool = (view: CopiedBucket): BackupTool => ({
    ...node.tool,
    contents: async (of, backup) => {
      const stored = await view.get(`medusa/${of}/${backup}/meta/manifest.json`);
      return stored === undefined ? undefined : recordIn(stored);
    },
  });
  try {
    for (const part of ['Data.db', 'Index.db', 'Filter.db', 'Statistics.db']) {
      await node.writeFile('bank', 'edges', `nb-1-big-${part}`, `${part} of the edges `.repeat(20));
      await node.writeFile('system', 'local', `nb-1-big-${part}`, `${part} of the node `.repeat(20));
      await node.writeFile('system_schema', 'tables', `nb-1-big-${part}`, `${part} of the tables `.repeat(20));
    }
    const runners = jobRunners(node);
    await runners.snapshot({ point }, idleContext());
    await runners.upload({ point, mode: 'full' }, idleContext());
  } finally {
    await node.remove();
  }
  await createPoint(bucket, pointOf(point));
  const environment = 'local';
  const at = formatInstant(micros(Date.parse('2026-02-19T00:00:00Z') * 1000));
  const timeline = timelineDocument.body.parse({ id: 't0001', environment, openedAt: at, why: 'the first' });
  await bucket.put(timelineKey(timeline.id), timelineDocument.write(timeline));
  const clock = standingClock(new Date('2026-02-19T02:00:00Z'));
  const signer = memorySigner();
  const [config] = Object.values(
    configSchema.parse({ name: 'flips', environments: { local: { platform: { kind: 'sandbox' } } } }).environments,
  );
  if (config === undefined) throw new TypeError('no environment');
  const facts: BucketFacts = {
    node: { name: 'node-1', datacenter: 'dc1', rack: 'rack1', address: '10.0.0.1' },
    keyspace: 'bank',
    indexBackend: 'search',
    points: [point],
    instants: [],
    restored: '',
    killed: '',
    undone: '',
    leftAt: clock.now().toISOString(),
  };
  // The first question restores the point, up to the start of a server: it leaves what a broken restore leaves.
  const world = await copiedWorld({
    facts,
    bucket,
    clock,
    folder: join(folder, 'made'),
    tool: (view) => downloading(tool(view), view),
  });
  const [restore] = questionsOf(facts);
  if (restore !== undefined) await answerTo(restore, { facts, bucket, world, config, clock, signer });
  world.remove();
  const runs = await Array.fromAsync(bucket.children('runs/'));
  const broken = runs[0]?.split('/')[1] ?? '';
  await keepIdMark(bucket, broken, {
    mark: [{ namespace: 'relation', partition: 3, tag: 0, next: '120001' }],
  });
  await keepDocuments(bucket, { point, restore: broken, clock });
  const objects = new Map<string, Uint8Array>();
  for await (const { key } of bucket.list('')) objects.set(key, bucket.peek(key) ?? new Uint8Array());
  return {
    facts: { ...facts, restored: broken, killed: broken },
    objects,
    folder,
    config,
    clock: standingClock(new Date('2026-02-19T03:00:00Z')),
    // Views of the bucket must not learn of one another by the key holder's record.
    signer: { ...signer, recordHead: async () => undefined },
    trust: signer.trust(),
    tool,
  };
}

/** One document of each kind that neither the jobs nor the broken restore left. */
async function keepDocuments(
  bucket: CopiedBucket,
  { point, restore, clock }: { readonly point: string; readonly restore: string; readonly clock: Clock },
): Promise<void> {
  await ownBucket(bucket, { owner: { environment: 'local' }, clock, ids: countingIds() }).put('probe/x', '');
  await bucket.delete('probe/x');
  const by = { run: runId.parse(restore), at: formatInstant(microsOf(clock.now())) };
  await orderShipping(bucket, by, { timeline: timelineId.parse('t0001'), after: { 'node-1': '100' } });
  const ghost: Finding = { kind: 'ghost-vertex', element: 'vertex 4316', times: ['1771466400000000'], detail: '' };
  const found = { all: [ghost], allNew: [ghost], counts: { 'ghost-vertex': 1 } };
  await recordFindings(bucket, point, found, { at: clock.now(), first: true });
  await acceptFindings(bucket, [ghost], [ghost], { by: 'dana', at: clock.now() });
  const schema = toSchemaDocument(bareSchema(), { keyspace: 'bank', at: by.at, shapes: [] });
  await bucket.put(graphSchemaKey(point), graphSchemaDocument.write(schema));
}

function recordIn({ body, key }: StoredObject) {
  try {
    return { ...backupRecord.parse(JSON.parse(Buffer.from(body).toString())), record: key };
  } catch {
    throw new FailedProblem({ code: 'bad-manifest', happened: `${key} cannot be used.`, state: '', next: '' });
  }
}

const named = { keyspace: z.string(), table: z.string() };
const backupRecord = z.object({
  tables: z.array(z.object(named)),
  files: z.array(z.object({ ...named, path: z.string(), bytes: z.number(), key: z.string() })),
});

function pointOf(id: string) {
  return restorePointDocument.body.parse({
    id,
    environment: 'local',
    timeline: 't0001',
    run: `${id}-aaaa`,
    takenAt: '2026-02-19T01:00:02.000Z',
    snapshot: { from: '2026-02-19T01:00:00.000000Z', to: '2026-02-19T01:00:01.000000Z' },
    mode: 'full',
    cut: 'quiesced',
    proof: 'checked',
    nodes: [
      {
        node: 'node-1',
        hostId: '00000000-0000-4000-8000-00000000000a',
        tokens: ['-9223372036854775808', '0'],
        datacenter: 'dc1',
        rack: 'rack1',
        bytes: 1000,
        files: 8,
        newBytes: 1000,
        inventory: `inventories/${id}/node-1.json`,
      },
    ],
    bytes: 1000,
    newBytes: 1000,
    cassandraVersion: '5.0.6',
    schemaVersion: 's',
    keyspace: 'bank',
    replicationFactor: 1,
    seconds: { taken: 1.5 },
  });
}
