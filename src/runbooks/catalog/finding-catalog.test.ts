import { expect, test } from 'vitest';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import type { Finding } from '../../graph/invariants/finding.ts';
import {
  acceptFindings,
  addFindingsOf,
  findFindings,
  hasBaseline,
  knownFindings,
  moveFindings,
  recordFindings,
} from './finding-catalog.ts';

const ghost = (id: number, time = '1000'): Finding => ({
  kind: 'ghost-vertex',
  element: `vertex ${id}`,
  times: [time],
  detail: 'It is a ghost.',
});
const at = new Date(0);
const first = 'backup-20260219-020000';
const second = 'backup-20260220-020000';

function stock(all: readonly Finding[], allNew: readonly Finding[] = []) {
  return { all, allNew, counts: { 'ghost-vertex': all.length } };
}

test('what the first backup finds is known; the same damage only, whoever sees it', async () => {
  const bucket = new MemoryStore();
  expect(await hasBaseline(bucket)).toBe(false);
  await recordFindings(bucket, first, stock([ghost(1)], [ghost(1)]), { at, first: true });
  expect(await hasBaseline(bucket)).toBe(true);
  const known = await knownFindings(bucket);
  expect(known.why({ ...ghost(1) })).toBe(`recorded in ${first}`);
  expect(known.why(ghost(2))).toBeUndefined();
  // Written since: other damage.
  expect(known.why(ghost(1, '2000'))).toBeUndefined();
});

test('a baseline grows only by the word of a person: what a later backup finds is of its point, and new in the live graph', async () => {
  const bucket = new MemoryStore();
  await recordFindings(bucket, first, stock([ghost(1)]), { at, first: true });
  expect(await recordFindings(bucket, second, stock([ghost(1), ghost(2)], [ghost(2)]), { at, first: false })).toEqual({
    fresh: 1,
  });
  const known = await knownFindings(bucket);
  expect(known.why(ghost(1))).toBeDefined();
  expect(known.why(ghost(2))).toBeUndefined();
  await addFindingsOf(known, bucket, second);
  expect(known.why(ghost(2))).toBe(`recorded in ${second}, not accepted`);
  await acceptFindings(bucket, [ghost(2)], [ghost(1), ghost(2)], { by: 'anna on host', at });
  expect((await knownFindings(bucket)).why(ghost(2))).toBe('accepted by anna on host at 1970-01-01T00:00:00.000Z');
});

test('accepted findings that are gone are dropped, so that nothing stays known for ever', async () => {
  const bucket = new MemoryStore();
  await acceptFindings(bucket, [ghost(1), ghost(2)], [ghost(1), ghost(2)], { by: 'anna on host', at });
  await acceptFindings(bucket, [ghost(3)], [ghost(2), ghost(3)], { by: 'bert on host', at });
  const known = await knownFindings(bucket);
  expect([1, 2, 3].map((id) => known.why(ghost(id))?.split(' ')[2])).toEqual([undefined, 'anna', 'bert']);
});

test('two people who accept at once both do', async () => {
  let hurried = false;
  const bucket: MemoryStore = new MemoryStore({
    calls: async (method, key) => {
      if (method !== 'put' || !key.endsWith('accepted.json') || hurried) return;
      hurried = true;
      await acceptFindings(bucket, [ghost(2)], [ghost(1), ghost(2)], { by: 'bert on host', at });
    },
  });
  await acceptFindings(bucket, [ghost(1)], [ghost(1), ghost(2)], { by: 'anna on host', at });
  const known = await knownFindings(bucket);
  expect([known.why(ghost(1)), known.why(ghost(2))]).toEqual([
    expect.stringContaining('anna'),
    expect.stringContaining('bert'),
  ]);
});

test('the record of the rehearsal that proved an instant becomes that of its point', async () => {
  const bucket = new MemoryStore();
  const run = 'rehearse-20260219-030000-k3f9';
  await recordFindings(bucket, run, stock([ghost(1)]), { at, first: true });
  expect((await knownFindings(bucket)).size).toBe(0);
  await moveFindings(bucket, run, first);
  expect((await knownFindings(bucket)).why(ghost(1))).toBe(`recorded in ${first}`);
  expect(await findFindings(bucket, run)).toBeUndefined();
});

test('no record quotes a value of the graph', async () => {
  const bucket = new MemoryStore();
  await recordFindings(bucket, first, stock([ghost(1)]), { at, first: true });
  await acceptFindings(bucket, [ghost(1)], [ghost(1)], { by: 'anna on host', at });
  const stored = [...bucket.objects.values()].map((bytes) => Buffer.from(bytes).toString());
  expect(stored.join()).toContain('vertex 1');
  expect(stored.join()).not.toContain('It is a ghost.');
});
