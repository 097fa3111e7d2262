import { expect, test } from 'vitest';
import { MemoryStore } from '../../../../test/support/memory-store.ts';
import { TableRows } from '../../../../test/support/table-rows.ts';
import type { CliContext } from '../../context.ts';
import { noPaint } from '../../terminal/output.ts';
import { action as check } from './action.ts';

const bjorn = 'e000000000000080';

/** `cardea check local` on the rows of a small graph. */
function world() {
  const database = new TableRows();
  const bucket = new MemoryStore();
  const notes: string[] = [];
  const graph = { url: 'ws://nowhere', submit: () => Promise.resolve(['gh1']), close: () => Promise.resolve() };
  const context = {
    flags: { json: true, plan: false, quiet: true, color: false, config: undefined },
    output: { paint: noPaint, note: (text: string) => void notes.push(text) },
    signal: new AbortController().signal,
    actor: { name: 'anna', via: 'cli', host: 'desk' },
    clock: { now: () => new Date(0), monotonic: () => 0, sleep: () => Promise.resolve() },
    platform: () => Promise.resolve({ database, graph, keyspace: 'janusgraph', indexBackend: undefined, bucket }),
  } as unknown as CliContext;
  const run = (more: { accept?: boolean; confirm?: string } = {}) =>
    check(context, { env: 'local', limit: 50, accept: false, confirm: undefined, ...more });
  return { database, bucket, notes, run };
}

test('new findings end with exit code 1; accepted ones are known from then on, with who and when, and end with 0', async () => {
  const { database, bucket, run } = world();
  database.remove('edgestore', bjorn, '02');
  const before = await run();
  expect(before).toMatchObject({ exitCode: 1, json: { ok: false, known: [] } });
  const { findingCount } = before.json as { findingCount: number };
  expect(findingCount).toBeGreaterThan(0);
  expect(await run({ accept: true, confirm: 'local' })).toMatchObject({
    exitCode: 0,
    json: { accepted: findingCount },
  });
  const after = await run();
  expect(after).toMatchObject({ exitCode: 0, json: { ok: true, findings: [], knownCount: findingCount } });
  expect(after.text).toContain('nothing new was found');
  expect(after.text).toContain('accepted by anna on desk at 1970-01-01T00:00:00.000Z');
  expect([...bucket.objects.keys()]).toEqual(['findings/accepted.json']);
  // Other damage of the same graph is new.
  database.remove('graphindex', '7a89a0416e6ee1', '0021f8');
  expect(await run()).toMatchObject({ exitCode: 1, json: { findingCount: 1, knownCount: findingCount } });
});

test('nothing is accepted without the name of the environment, nor confirmed without being accepted', async () => {
  const { bucket, run } = world();
  await expect(run({ accept: true })).rejects.toMatchObject({ kind: 'refused', code: 'not-confirmed' });
  await expect(run({ accept: true, confirm: 'prod' })).rejects.toMatchObject({ kind: 'refused' });
  await expect(run({ confirm: 'local' })).rejects.toMatchObject({ kind: 'usage' });
  expect(bucket.objects.size).toBe(0);
});

test('with the bucket away the graph is checked all the same, and every finding counts as new', async () => {
  const { database, bucket, notes, run } = world();
  database.remove('edgestore', bjorn, '02');
  await run({ accept: true, confirm: 'local' });
  bucket.unreachable = true;
  expect(await run()).toMatchObject({ exitCode: 1, json: { ok: false, knownCount: 0 } });
  expect(notes.join()).toContain('every finding counts as new');
});
