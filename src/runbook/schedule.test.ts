import { expect, test } from 'vitest';
import { runbookOf } from '../../test/support/runbook-sketch.ts';
import type { StepStatus } from '../journal/run-state.ts';
import { nextMoves, stepsToRepeat } from './schedule.ts';

const { steps } = runbookOf([
  { id: 'a' },
  { id: 'b' },
  { id: 'c', needs: ['a'] },
  { id: 'first-last', always: true },
  { id: 'second-last', always: true, needs: ['first-last', 'c'] },
]);

function starting(
  states: Record<string, StepStatus>,
  more: { underWay?: readonly string[]; cancelled?: boolean } = {},
): readonly string[] {
  return nextMoves(steps, {
    steps: Object.fromEntries(
      Object.entries(states).map(([step, status]) => [step, { step, status, attempts: 1, failures: 0 }]),
    ),
    underWay: new Set(more.underWay),
    params: {},
    results: {},
    cancelled: more.cancelled ?? false,
  }).start.map(({ id }) => id);
}

test('what needs nothing starts first, what needs something once that succeeded or was skipped', () => {
  expect(starting({})).toEqual(['a', 'b']);
  expect(starting({}, { underWay: ['a', 'b'] })).toEqual([]);
  expect(starting({ a: 'succeeded' }, { underWay: ['b'] })).toEqual(['c']);
  expect(starting({ a: 'skipped' }, { underWay: ['b'] })).toEqual(['c']);
});

test('after a failure nothing new starts, but what a dead process had begun is begun again', () => {
  expect(starting({ a: 'failed' }, { underWay: ['b'] })).toEqual([]);
  expect(starting({ a: 'failed', b: 'running' })).toEqual(['b']);
  expect(starting({ a: 'failed', b: 'retrying' })).toEqual(['b']);
});

test('after a cancel only the steps for the end start, once nothing is under way', () => {
  expect(starting({ a: 'succeeded' }, { cancelled: true, underWay: ['b'] })).toEqual([]);
  expect(starting({ a: 'succeeded', b: 'running' }, { cancelled: true })).toEqual(['first-last']);
});

test('the steps for the end run whatever happened, in the order of their needs, each once', () => {
  expect(starting({ a: 'failed', b: 'succeeded' })).toEqual(['first-last']);
  expect(starting({ a: 'failed', b: 'succeeded', 'first-last': 'failed' })).toEqual(['second-last']);
  expect(starting({ a: 'failed', b: 'succeeded', 'first-last': 'failed', 'second-last': 'succeeded' })).toEqual([]);
});

test('a step that cleans up after changes is skipped when there were none', () => {
  const { steps } = runbookOf([
    { id: 'look', effect: 'read' },
    { id: 'change', effect: 'write', needs: ['look'] },
    { id: 'clean-up', effect: 'write', always: 'after-change' },
  ]);
  const moves = (states: Record<string, StepStatus>) =>
    nextMoves(steps, {
      steps: Object.fromEntries(
        Object.entries(states).map(([step, status]) => [step, { step, status, attempts: 1, failures: 0 }]),
      ),
      underWay: new Set(),
      params: {},
      results: {},
      cancelled: false,
    });
  expect(moves({ look: 'failed' })).toMatchObject({ start: [], skip: [{ step: { id: 'clean-up' } }] });
  expect(moves({ look: 'succeeded', change: 'failed' })).toMatchObject({ start: [{ id: 'clean-up' }], skip: [] });
});

test('what others may change until something is stopped is done again at a resume until then, and not after', () => {
  const runbook = runbookOf([
    { id: 'bring' },
    { id: 'note', guard: 'until-stopped', needs: ['bring'] },
    { id: 'room', effect: 'read', guard: 'until-moved' },
    { id: 'stop', effect: 'destroy', guard: true, needs: ['note', 'room'] },
    { id: 'move', effect: 'destroy', needs: ['stop'] },
    { id: 'start', needs: ['move', 'note'] },
  ]);
  const again = (done: readonly string[]) =>
    stepsToRepeat(
      { ...runbook, pivot: 'move' },
      Object.fromEntries(done.map((step) => [step, { step, status: 'succeeded', attempts: 1, failures: 0 } as const])),
      { ended: false },
    );
  expect(again(['bring', 'note', 'room'])).toEqual(['note', 'room']);
  expect(again(['bring', 'note', 'room', 'stop'])).toEqual(['room', 'stop']);
  expect(again(['bring', 'note', 'room', 'stop', 'move'])).toEqual([]);
});

test('what a run leaves behind is made sure of at every resume, also when only its end is missing', () => {
  const runbook = runbookOf([
    { id: 'agents', guard: true },
    { id: 'move', effect: 'destroy', needs: ['agents'] },
    { id: 'start', guard: 'to-the-end', needs: ['move', 'agents'] },
    { id: 'record', needs: ['start'] },
  ]);
  const again = (done: readonly string[], more: { ended?: boolean; cancelled?: boolean } = {}) =>
    stepsToRepeat(
      { ...runbook, pivot: 'move' },
      Object.fromEntries(done.map((step) => [step, { step, status: 'succeeded', attempts: 1, failures: 0 } as const])),
      { ended: false, ...more },
    );
  expect(again(['agents', 'move', 'start', 'record'])).toEqual(['agents', 'start']);
  expect(again(['agents', 'move', 'start'])).toEqual(['agents', 'start']);
  expect(again(['agents', 'move'])).toEqual(['agents']);
  // Nothing more is done in a run that a resume only ends.
  expect(again(['agents', 'move', 'start', 'record'], { cancelled: true })).toEqual([]);
});

test('what had failed after the move is tried again by the next resume, although nobody could note that the run had ended', () => {
  const runbook = runbookOf([
    { id: 'look', effect: 'read' },
    { id: 'move', effect: 'destroy', needs: ['look'] },
    { id: 'bring', needs: ['move'] },
  ]);
  const again = (states: Readonly<Record<string, 'succeeded' | 'failed'>>, cancelled = false) =>
    stepsToRepeat(
      { ...runbook, pivot: 'move' },
      Object.fromEntries(
        Object.entries(states).map(([step, status]) => [step, { step, status, attempts: 1, failures: 1 } as const]),
      ),
      { ended: false, cancelled },
    );
  expect(again({ look: 'succeeded', move: 'succeeded', bring: 'failed' })).toEqual(['bring']);
  expect(again({ look: 'succeeded', move: 'succeeded', bring: 'failed' }, true)).toEqual([]);
  // Before the move it ends: everything is as it was.
  expect(again({ look: 'failed' })).toEqual([]);
});
