import { expect, test } from 'vitest';
import { z } from 'zod';
import { runbookOf } from '../../test/support/runbook-sketch.ts';
import { isDestructive, onlyReads, planOf } from './plan.ts';

const runbook = runbookOf(
  [
    { id: 'look', effect: 'read' },
    {
      id: 'wipe',
      effect: 'destroy',
      needs: ['look'],
      when: { param: 'mode', is: 'full' },
      retry: { attempts: 2, backoff: '1s', max: '2s' },
    },
    { id: 'mend', needs: ['look'], when: { result: 'look.broken', is: true } },
    { id: 'tidy', always: true },
  ],
  z.object({ mode: z.string() }),
);

test('a plan shows each step with its effect, its needs and its condition in words', () => {
  expect(planOf(runbook, { mode: 'full' }, 'local').steps).toEqual([
    { id: 'look', title: 'look', effect: 'read', needs: [], runs: 'yes', timeout: '1h', always: false },
    {
      id: 'wipe',
      title: 'wipe',
      effect: 'destroy',
      needs: ['look'],
      when: 'mode is full',
      runs: 'yes',
      timeout: '1h',
      retry: { attempts: 2, backoff: '1s', max: '2s' },
      always: false,
    },
    {
      id: 'mend',
      title: 'mend',
      effect: 'write',
      needs: ['look'],
      when: 'look.broken is true',
      runs: 'depends',
      timeout: '1h',
      always: false,
    },
    { id: 'tidy', title: 'tidy', effect: 'write', needs: [], runs: 'yes', timeout: '1h', always: true },
  ]);
});

test('a plan’s hash changes with anything that changes what would happen, and with nothing else', () => {
  const plan = planOf(runbook, { mode: 'full' }, 'local');
  expect(plan.hash).toMatch(/^[0-9a-f]{64}$/);
  expect(planOf(runbook, { mode: 'full' }, 'local').hash).toBe(plan.hash);
  expect(planOf(runbook, { mode: 'part' }, 'local').hash).not.toBe(plan.hash);
  expect(planOf(runbook, { mode: 'full' }, 'prod').hash).not.toBe(plan.hash);
  expect(planOf({ ...runbook, steps: runbook.steps.slice(1) }, { mode: 'full' }, 'local').hash).not.toBe(plan.hash);
});

test('a plan is destructive, or reads only, by the steps that can run', () => {
  expect(isDestructive(planOf(runbook, { mode: 'full' }, 'local'))).toBe(true);
  expect(isDestructive(planOf(runbook, { mode: 'part' }, 'local'))).toBe(false);
  expect(onlyReads(planOf(runbook, { mode: 'part' }, 'local'))).toBe(false);
  expect(onlyReads(planOf(runbookOf([{ id: 'look', effect: 'read' }]), {}, 'local'))).toBe(true);
});
