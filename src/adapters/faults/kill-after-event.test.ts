import { expect, test } from 'vitest';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { testWorld } from '../../../test/support/engine-world.ts';
import { runbookOf, start } from '../../../test/support/runbook-sketch.ts';
import { killAfterEvent, withRequestedFault } from './kill-after-event.ts';

test('the process is killed right after the N-th journal event that is not progress, whatever else it writes', async () => {
  const runbook = runbookOf([
    {
      id: 'a',
      run: async ({ progress, log }) => {
        log('a line');
        progress({ done: 1, unit: 'items' });
      },
    },
  ]);
  for (const [count, last] of [
    [1, 'run-started'],
    [2, 'step-started'],
    [3, 'step-succeeded'],
    [4, 'run-succeeded'],
  ] as const) {
    const world = testWorld();
    let lastAtKill: string | undefined;
    const store = killAfterEvent(world.store, { count }, () => {
      const newest = [...world.store.objects.keys()]
        .filter((key) => /^runs\/[^/]+\/\d+\.json$/.test(key))
        .toSorted()
        .at(-1);
      lastAtKill = /"type": "(run|step)-[a-z]+"/.exec(world.store.text(newest ?? ''))?.[0];
    });
    await start(world.another('here', store), runbook);
    expect(lastAtKill).toBe(`"type": "${last}"`);
  }
});

test('or right after the first event whose name is not among the known ones', async () => {
  const world = testWorld();
  const seen: number[] = [];
  const known = new Set(['run-started', 'step-started a']);
  const store = killAfterEvent(world.store, { known }, () => seen.push(world.store.objects.size));
  await start(world.another('here', store), runbookOf([{ id: 'a' }]));
  expect(seen).toHaveLength(2);
});

test('a store is left as it is unless the fault is asked for', () => {
  const store = new MemoryStore();
  const platform = 'sandbox';
  expect(withRequestedFault(store, { platform, fault: undefined })).toBe(store);
  expect(withRequestedFault(store, { platform, fault: 'something-else' })).toBe(store);
  expect(withRequestedFault(store, { platform, fault: 'kill-after-event:3' })).not.toBe(store);
  expect(withRequestedFault(store, { platform, fault: 'kill-after-news:["run-started"]' })).not.toBe(store);
});

test('the fault does nothing to an environment that is no sandbox', () => {
  const store = new MemoryStore();
  expect(withRequestedFault(store, { platform: 'kubernetes', fault: 'kill-after-event:3' })).toBe(store);
});
