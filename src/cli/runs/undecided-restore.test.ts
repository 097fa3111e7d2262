import { expect, test } from 'vitest';
import type { RunState } from '../../journal/run-state.ts';
import type { RestoreRecord } from '../../model/restore-record.ts';
import { acceptRunbook, restoreRunbook, revertRunbook } from '../../runbooks/index.ts';
import { isMoot, wayOn } from './undecided-restore.ts';

const restore = 'restore-20260219-031500-k3f9';
const revert = 'revert-20260219-041500-k3f9';

const record = (more: object = {}) =>
  ({
    run: restore,
    environment: 'prod',
    point: 'backup-20260219-020000',
    aside: restore,
    startedAt: '2026-02-19T03:15:00.000Z',
    state: 'open',
    ...more,
  }) as RestoreRecord;

const state = (status: RunState['status'], more: object = {}) =>
  ({
    run: restore,
    runbook: 'restore',
    runbookVersion: restoreRunbook.version,
    status,
    steps: { 'set-aside': { step: 'set-aside', status: 'failed', attempts: 1, failures: 1 } },
    ...more,
  }) as unknown as RunState;

const acceptCommand = `cardea restore accept ${restore} --confirm prod`;
const revertCommand = `cardea restore revert ${restore} --confirm prod`;

test.each([
  ['succeeded', `${acceptCommand}, or to go back: ${revertCommand}`],
  ['interrupted', `cardea run resume ${restore}, or to go back: ${revertCommand}`],
  ['failed', `cardea run resume ${restore}, or to go back: ${revertCommand}`],
  ['cancelled', `cardea run resume ${restore}, or to go back: ${revertCommand}`],
  ['running', `cardea run show ${restore} --follow`],
] as const)('C3: a restore that %s goes on by the command that works then', (status, next) => {
  expect(wayOn({ record: record(), state: state(status), decider: undefined }).next).toBe(next);
});

test('a restore of another version of its runbook, or without a journal, can only be reverted', () => {
  const old = state('interrupted', { runbookVersion: 1 });
  expect(wayOn({ record: record(), state: old, decider: undefined }).next).toBe(revertCommand);
  expect(wayOn({ record: record(), state: undefined, decider: undefined }).next).toBe(revertCommand);
});

test('a restore that failed before it moved anything is not resumed', () => {
  const early = state('failed', { steps: {} });
  expect(wayOn({ record: record(), state: early, decider: undefined }).next).toBe(revertCommand);
});

test('what a broken restore had brought can only be accepted', () => {
  expect(wayOn({ record: record({ half: true }), state: state('succeeded'), decider: undefined }).next).toBe(
    acceptCommand,
  );
});

test('an interrupted revert comes before its restore, be it noted or not', () => {
  const decider = state('interrupted', {
    run: revert,
    runbook: 'revert',
    runbookVersion: revertRunbook.version,
  });
  const resume = `cardea run resume ${revert}`;
  expect(wayOn({ record: record(), state: state('succeeded'), decider }).next).toBe(resume);
  const noted = record({ state: 'reverting', deciding: revert });
  expect(wayOn({ record: noted, state: state('failed'), decider }).next).toBe(resume);
  const failedEarly = { ...decider, status: 'failed', steps: {} } as RunState;
  expect(wayOn({ record: noted, state: state('failed'), decider: failedEarly }).next).toBe(revertCommand);
});

test('an interrupted accept that would be refused comes after what its restore needs', () => {
  const accept = (params: object, more: object = {}) =>
    state('interrupted', {
      run: 'accept-20260219-041500-k3f9',
      runbook: 'accept',
      runbookVersion: acceptRunbook.version,
      params: { restore, lost: [], unproven: false, ...params },
      steps: {},
      ...more,
    });
  const resume = 'cardea run resume accept-20260219-041500-k3f9';
  const next = (of: RunState | undefined, decider: RunState, more: object = {}) =>
    wayOn({ record: record(more), state: of, decider }).next;
  const failed = state('failed');
  expect(next(failed, accept({}))).toBe(`cardea run resume ${restore}, or to go back: ${revertCommand}`);
  expect(next(undefined, accept({}))).toBe(revertCommand);
  expect(next(failed, accept({ unproven: true }))).toBe(
    `cardea run resume ${restore}, or to go back: ${revertCommand}`,
  );
  // What is accepted without its end, by a person's word, goes on.
  const serves = state('failed', { steps: { 'rebuild-index': { step: 'rebuild-index', status: 'succeeded' } } });
  expect(next(serves, accept({ unproven: true }))).toBe(resume);
  expect(next(failed, accept({ lost: ['node-1'] }))).toBe(resume);
  expect(next(state('succeeded'), accept({}))).toBe(resume);
  expect(next(failed, accept({}), { half: true })).toBe(resume);
  expect(next(failed, accept({}, { cancelRequestedBy: 'operator' }))).toBe(resume);
  // What a restore that broke off had brought is never reverted to.
  const revertOf = state('interrupted', { run: revert, runbook: 'revert', runbookVersion: revertRunbook.version });
  expect(next(state('succeeded'), revertOf, { half: true })).toBe(acceptCommand);
});

test('of an interrupted run whose cancel was asked for it is said that a resume ends it', () => {
  const asked = { cancelRequestedBy: { name: 'ana', via: 'cli', host: 'ops1' } };
  const restoring = wayOn({ record: record(), state: state('interrupted', asked), decider: undefined });
  expect(restoring).toMatchObject({
    says: `was interrupted, with the data half in place (the cancel of ${restore} was asked for: a resume ends it as cancelled)`,
    next: `cardea run resume ${restore}, or to go back: ${revertCommand}`,
  });
  const decider = state('interrupted', {
    ...asked,
    run: revert,
    runbook: 'revert',
    runbookVersion: revertRunbook.version,
  });
  expect(wayOn({ record: record({ state: 'reverting', deciding: revert }), state: undefined, decider }).says).toBe(
    `is reverted half way (the cancel of ${revert} was asked for: a resume ends it as cancelled)`,
  );
});

test('a run is moot once another one has decided what it was about', () => {
  const decided = new Map([[restore, record({ state: 'accepted', closed: { at: '', run: 'accept-1' } })]]);
  expect(isMoot({ run: restore, params: {} }, decided)).toBe(true);
  expect(isMoot({ run: revert, params: { restore } }, decided)).toBe(true);
  expect(isMoot({ run: 'accept-1', params: { restore } }, decided)).toBe(false);
  expect(isMoot({ run: 'backup-1', params: {} }, decided)).toBe(false);
});
