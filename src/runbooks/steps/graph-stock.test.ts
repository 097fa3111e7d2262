import { expect, test } from 'vitest';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { TableRows } from '../../../test/support/table-rows.ts';
import { FailedProblem, RetryableProblem } from '../../model/problem.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import { findFindings, knownFindings } from '../catalog/finding-catalog.ts';
import { takeStock } from './graph-stock.ts';
import { verifyRestored } from './restored-graph.ts';

const first = 'backup-20260219-020000';
const second = 'backup-20260220-020000';
const bjorn = 'e000000000000080';
const anna = ['7a89a0416e6ee1', '0021f8'] as const;

/** A world around the rows of a small graph; its server knows of the instance that is registered in them. */
function world(database = new TableRows(), bucket = new MemoryStore()) {
  const lines: string[] = [];
  const clock = { now: () => new Date(0), monotonic: () => 0, sleep: () => Promise.resolve() };
  const graph = { url: 'ws://nowhere', submit: () => Promise.resolve(['gh1']), close: () => Promise.resolve() };
  const platform = { database, graph, keyspace: 'janusgraph', indexBackend: undefined, bucket };
  const work = {
    run: 'restore-20260219-031500-k3f9',
    services: { platform, clock },
    platform,
    clock,
    progress: () => undefined,
    signal: new AbortController().signal,
    log: (line: string) => void lines.push(line),
  } as never;
  return { database, bucket, graph, work, lines };
}

/** One CQL delete of the existence of a vertex. */
function makeGhost(database: TableRows): void {
  database.remove('edgestore', bjorn, '02');
}

const point = (id: string) => ({ id, snapshot: undefined }) as unknown as RestorePoint;

test('a graph that has ghosts is backed up with a record of them, and its restore ends green with known findings', async () => {
  const { database, bucket, work, lines } = world();
  makeGhost(database);
  const { findings, ...fingerprint } = await takeStock(work, first);
  expect(findings.count).toBeGreaterThan(0);
  expect(findings).toMatchObject({ checked: true, fresh: 0, kinds: { 'ghost-vertex': 1 } });
  expect(lines).toContainEqual(expect.stringContaining('were there already'));
  const restored = { name: first, point: point(first), wanted: fingerprint, plan: undefined };
  expect(await verifyRestored(work, restored, 'Revert.')).toMatchObject({
    compared: true,
    known: findings.count,
    inherited: 0,
  });
  // What was restored is known of the living graph.
  expect((await findFindings(bucket, 'restore-20260219-031500-k3f9'))?.findings).toHaveLength(findings.count);
});

test('a finding that the point did not record fails its restore, by name', async () => {
  const { database, work } = world();
  makeGhost(database);
  await takeStock(work, first);
  database.remove('graphindex', ...anna);
  const restored = { name: first, point: point(first), wanted: undefined, plan: undefined };
  await expect(verifyRestored(work, restored, 'Revert.')).rejects.toMatchObject({
    code: 'graph-unsound',
    happened: expect.stringContaining('1 new findings'),
    details: [expect.stringContaining('missing-index-entry vertex 4344')],
  });
});

test('what a later backup finds beyond the first belongs to its point, and stays new in the live graph', async () => {
  const { database, bucket, work, lines } = world();
  await takeStock(work, first);
  makeGhost(database);
  const { findings } = await takeStock(work, second);
  expect(findings.fresh).toBe(findings.count);
  expect(lines).toContainEqual(expect.stringContaining('were not known before'));
  expect((await knownFindings(bucket)).size).toBe(0);
  const restored = { name: second, point: point(second), wanted: undefined, plan: undefined };
  expect(await verifyRestored(work, restored, 'Revert.')).toMatchObject({ known: findings.count });
});

test('without a graph server a quiet graph still has a fingerprint, and the point says that it was not checked', async () => {
  const { bucket, graph, work } = world();
  const whole = await takeStock(work, first);
  graph.submit = () =>
    Promise.reject(new RetryableProblem({ code: 'graph-unreachable', happened: 'It is away.', state: 's', next: 'n' }));
  const { findings, ...fingerprint } = await takeStock(work, second);
  expect(findings).toEqual({ checked: false, count: 0, fresh: 0, kinds: {}, why: 'It is away.' });
  expect(fingerprint.hash).toBe(whole.hash);
  expect(await findFindings(bucket, second)).toBeUndefined();
});

test('a database that answers wrongly ends the backup', async () => {
  const { graph, work } = world();
  graph.submit = () => Promise.reject(new FailedProblem({ code: 'other', happened: 'No.', state: 's', next: 'n' }));
  await expect(takeStock(work, first)).rejects.toMatchObject({ code: 'other' });
});
