import { afterEach, expect, test } from 'vitest';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DirectoryStore } from '../../adapters/directory/directory-store.ts';
import { openNodeFiles } from '../../adapters/node-files/node-files.ts';
import { runId, timelineId } from '../../model/identifiers.ts';
import { formatInstant, micros } from '../../model/instant.ts';
import { keepLogPlan } from '../../ports/log-plan-store.ts';
import { graphTable, mutationOf, shipSchema, shipSegment } from '../../../test/support/shipped-logs.ts';
import { type SimulatedNode, idleContext, simulateNode } from '../../../test/support/simulated-node.ts';
import { noteDrained } from './drained-log.ts';
import { placeLogs } from './place-logs-job.ts';

const run = runId.parse('restore-20260219-030000-k3f9');
const hostId = '6f8a2c44-0d7e-4d35-9f04-1b3c5d7e9f01';
const edgestore = graphTable('edgestore', '11111111-1111-4111-8111-111111111111');
/** A node was started on the restored files, and asked while it ran; its segments are named after its start. */
const startedAt = 1_771_466_400_000;
const ranAt = new Date(startedAt + 30_000).toISOString();
const ofDrain = [
  `CommitLog-8-${startedAt}.log`,
  `CommitLog-8-${startedAt + 1}.log`,
  `CommitLog-8-${startedAt}_cdc.idx`,
];
/** Of a Cassandra that somebody started after the drain. */
const foreign = `CommitLog-8-${startedAt + 90_000}.log`;
const nodes: SimulatedNode[] = [];

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.remove();
});

async function drainedNode() {
  const node = await simulateNode(
    (root) => new DirectoryStore(join(root, 'bucket')),
    (root) => openNodeFiles(join(root, 'hashes.json')),
  );
  nodes.push(node);
  const at = 1_771_466_400_000_001;
  const write = { table: edgestore, key: 'a', column: 'kept', value: 'v', at: at - 2 };
  const object = await shipSegment(node.bucket, { hostId, segmentId: '1771466000000' }, [mutationOf([write])]);
  const instant = formatInstant(micros(at));
  const sha256 = await keepLogPlan(node.bucket, {
    run,
    instant,
    strands: [
      {
        timeline: timelineId.parse('t0001'),
        until: instant,
        exclusions: [],
        streams: [{ hostId, node: 'node-0', objects: [object] }],
        schemas: [await shipSchema(node.bucket, [edgestore])],
      },
    ],
    uncut: [],
    omitted: [],
    incomplete: [],
    addedTables: [],
  });
  const left = async () => (await readdir(node.directories.commitlog)).sort();
  const leave = async (...names: readonly string[]) => {
    for (const name of names) await writeFile(join(node.directories.commitlog, name), `what ${name} holds`);
  };
  await leave(...ofDrain);
  return {
    node,
    left,
    leave,
    note: async () => noteDrained(node, { run, ranAt }, idleContext()),
    place: async () => placeLogs(node, { plan: run, sha256, afterDrain: true }, idleContext()),
  };
}

test('what the drain left is noted, and removed when the logs are placed', async () => {
  const { left, note, place } = await drainedNode();
  expect(await note()).toEqual({ files: ofDrain.length });
  expect(await left()).toEqual([...ofDrain].sort());
  const { lastSegment } = await place();
  expect(await left()).toEqual([`CommitLog-8-${lastSegment}.log`]);
  // Asked anew, it finds its own work.
  expect(await place()).toMatchObject({ lastSegment });
});

test('nothing is removed that nobody has noted', async () => {
  const { left, place } = await drainedNode();
  await expect(place()).rejects.toMatchObject({ code: 'data-present', details: [...ofDrain].sort() });
  expect(await left()).toEqual([...ofDrain].sort());
});

test.each([
  ['a segment of a Cassandra that was started after the drain', foreign],
  ['a file that is no segment', 'notes.txt'],
])('%s is named and kept, and so is all that lies beside it', async (_, name) => {
  const { left, leave, note, place, node } = await drainedNode();
  await note();
  await leave(name);
  await expect(place()).rejects.toMatchObject({ kind: 'refused', code: 'data-present', details: [name] });
  expect(await left()).toEqual([...ofDrain, name].sort());
  // Somebody has looked at it and moved it away.
  await rm(join(node.directories.commitlog, name));
  await place();
  expect(await left()).toHaveLength(1);
});

test.each([
  ['a segment of a Cassandra that was started before it was noted', foreign],
  ['a file that is no segment', 'notes.txt'],
  ['a folder', 'lost+found'],
])('%s is not noted as what the drain left', async (_, name) => {
  const { left, leave, note, place, node } = await drainedNode();
  if (name === 'lost+found') await mkdir(join(node.directories.commitlog, name));
  else await leave(name);
  await expect(note()).rejects.toMatchObject({ kind: 'refused', code: 'data-present', details: [name] });
  await expect(place()).rejects.toMatchObject({ code: 'data-present' });
  expect(await left()).toEqual([...ofDrain, name].sort());
});

test('a segment that grew since it was noted is of somebody else', async () => {
  const { left, note, place, node } = await drainedNode();
  await note();
  const [first = ''] = ofDrain;
  await writeFile(join(node.directories.commitlog, first), 'more than there was when it was noted');
  await expect(place()).rejects.toMatchObject({ code: 'data-present', details: [first] });
  expect(await left()).toEqual([...ofDrain].sort());
});

test('what another run noted is not removed', async () => {
  const { left, node, place } = await drainedNode();
  await noteDrained(node, { run: 'restore-20260219-010000-aaaa', ranAt }, idleContext());
  await expect(place()).rejects.toMatchObject({ code: 'data-present' });
  expect(await left()).toEqual([...ofDrain].sort());
});

test('acknowledged writes stay also where the logs had been placed and replayed before', async () => {
  const { left, leave, note, node, place } = await drainedNode();
  await note();
  const { lastSegment } = await place();
  // Cassandra has replayed and removed the placed segment, and has one of its own.
  await rm(join(node.directories.commitlog, `CommitLog-8-${lastSegment}.log`));
  await leave(foreign);
  await expect(place()).rejects.toMatchObject({ code: 'data-present', details: [foreign] });
  expect(await left()).toEqual([foreign]);
  expect(await readFile(join(node.directories.commitlog, foreign), 'utf8')).toContain(foreign);
  // Nor does the refusal forget what had been placed: asked again it says the same.
  await expect(place()).rejects.toMatchObject({ code: 'data-present', details: [foreign] });
});

test('while Cassandra runs nothing is noted', async () => {
  const { node, note } = await drainedNode();
  node.faults.running = 4711;
  await expect(note()).rejects.toMatchObject({ code: 'database-running' });
});
