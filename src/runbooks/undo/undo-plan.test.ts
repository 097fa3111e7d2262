import { expect, test } from 'vitest';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { type UndoPlan, undoPlanDocument, undoPlanKey } from '../../model/undo-plan.ts';
import type { Platform } from '../../ports/platform.ts';
import { undoCompensateRunbook } from '../undo-compensate.ts';
import { getUndoPlan, keepUndoPlan } from './undo-plan.ts';

const run = 'undo-compensate-20260219-031500-k3f9';
const plan: UndoPlan = undoPlanDocument.body.parse({
  run,
  timeline: 't0001',
  groups: ['2026-02-19T03:03:48.400001Z'],
  commit: '2026-02-19T03:15:00.000001Z',
  compared: '2026-02-19T03:14:00.000000Z',
  writes: [{ table: 'edgestore', key: '00ff', column: '24' }],
  vertices: ['4112'],
  gone: ['odxh6-6gw-2dx-3bs'],
});

/** Somebody who can write to the bucket lets the plan write other cells. */
function change(store: MemoryStore): void {
  const key = undoPlanKey(run);
  store.set(key, store.text(key).replace('"00ff"', '"00fe"'));
}

test('an undo plan is followed only as the run decided on it, and a changed one is refused by name', async () => {
  const store = new MemoryStore();
  const { sha256 } = await keepUndoPlan(store, plan);
  expect(await getUndoPlan(store, { run, sha256 })).toEqual(plan);
  change(store);
  await expect(getUndoPlan(store, { run, sha256 })).rejects.toMatchObject({
    kind: 'refused',
    code: 'undo-plan-changed',
    happened: expect.stringContaining(`restores/${run}/undo-plan.json`),
  });
  store.remove(undoPlanKey(run));
  await expect(getUndoPlan(store, { run, sha256 })).rejects.toMatchObject({ code: 'undo-plan-missing' });
});

test('a plan that somebody has put there before is not taken for that of an earlier attempt', async () => {
  const store = new MemoryStore();
  await keepUndoPlan(store, plan);
  change(store);
  const { sha256 } = await keepUndoPlan(store, plan);
  expect(await getUndoPlan(store, { run, sha256 })).toEqual(plan);
});

test.each(['same-history', 'same-cells', 'write-undo', 'reindex', 'verify-undo'])(
  '%s refuses a changed plan before it does anything',
  async (id) => {
    const store = new MemoryStore();
    const { sha256 } = await keepUndoPlan(store, plan);
    change(store);
    // Only the bucket is there: whatever else the step touched would be another error.
    const platform = { bucket: store } as unknown as Platform;
    const step = undoCompensateRunbook.steps.find((each) => each.id === id);
    const context = {
      run,
      step: id,
      environment: 'prod',
      params: {},
      results: { 'plan-undo': { sha256 } },
      services: { platform },
      signal: new AbortController().signal,
    } as unknown as Parameters<NonNullable<typeof step>['run']>[0];
    await expect(step?.run(context)).rejects.toMatchObject({ code: 'undo-plan-changed' });
  },
);

test('a plan with what is no cell, no vertex or no edge is not read', () => {
  const wrong = [
    { writes: [{ table: 'edgestore', key: "0x00'; DROP", column: '' }] },
    { writes: [{ table: 'roles', key: '00', column: '00' }] },
    { vertices: ['4112); g.V().drop('] },
    { gone: ['x'] },
  ];
  for (const change of wrong) expect(undoPlanDocument.body.safeParse({ ...plan, ...change }).success).toBe(false);
});
