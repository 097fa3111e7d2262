import { expect, test, vi } from 'vitest';
import type { NodeParts } from './node-parts.ts';
import { watchDatabase } from './database-watch.ts';

/** A Cassandra of which each look finds the next of the pids, and ever after the last. */
function looks(...pids: ReadonlyArray<number | undefined>) {
  let count = 0;
  const runningPid = async () => {
    count += 1;
    return pids[Math.min(count, pids.length) - 1];
  };
  return {
    parts: { node: 'node-0', database: { runningPid } } as unknown as Pick<NodeParts, 'node' | 'database'>,
    count: () => count,
  };
}

test('a database that stops ends what needs it, by name', async () => {
  const { signal, end } = watchDatabase(looks(7, undefined).parts, 1);
  await vi.waitUntil(() => signal.aborted);
  end();
  expect(signal.reason).toMatchObject({ code: 'database-stopped', happened: expect.stringContaining('node-0') });
});

test('one that is only missed once goes on being taken for running', async () => {
  const { parts, count } = looks(7, undefined, 7, undefined, 7);
  const { signal, end } = watchDatabase(parts, 1);
  await vi.waitUntil(() => count() > 8);
  end();
  expect(signal.aborted).toBe(false);
});
