import { expect, test } from 'vitest';
import { pointTakenAt } from '../../test/support/example-point.ts';
import { backupDue } from './backup-due.ts';
import type { Proof } from './restore-point.ts';

const now = new Date('2026-03-31T09:00:00Z');
const ago = (hours: number, proof: Proof = 'checked') =>
  pointTakenAt(new Date(now.getTime() - hours * 3_600_000), { cut: 'fuzzy', proof });

const due = (facts: Partial<Parameters<typeof backupDue>[0]>) =>
  backupDue({
    points: [ago(2)],
    isLeft: () => false,
    schedule: '0 2 * * *',
    bases: undefined,
    wanted: null,
    now,
    ...facts,
  });

test('with a backup since the scheduled time none is due', () => {
  expect(due({})).toMatchObject({ due: false, why: expect.stringContaining('nothing asks for another one') });
});

test('without a good one, or only with one of a history that was left, one is due', () => {
  expect(due({ points: [] })).toMatchObject({ due: true });
  expect(due({ points: [ago(5, 'failed')] })).toMatchObject({ due: true });
  expect(due({ isLeft: () => true })).toMatchObject({ due: true });
});

test('one is due when the schedule was due since the newest good one', () => {
  expect(due({ points: [ago(8)] })).toEqual({ due: true, why: 'backup.schedule was due at 2026-03-31 02:00 UTC' });
});

test('H: one is due when the newest base is older than backup.bases', () => {
  expect(due({ points: [ago(3)], bases: 'every 4h' })).toMatchObject({ due: false });
  expect(due({ points: [ago(5)], bases: 'every 4h' })).toMatchObject({
    due: true,
    why: expect.stringContaining('backup.bases says every 4h'),
  });
});

test('one is due when the window asks for it', () => {
  expect(due({ wanted: 'a table was truncated' })).toMatchObject({
    due: true,
    why: expect.stringContaining('truncated'),
  });
});

test('after one that failed the next is tried an hour later', () => {
  expect(due({ points: [ago(0.5, 'failed'), ago(30)] })).toMatchObject({ due: false });
  expect(due({ points: [ago(1.5, 'failed'), ago(30)] })).toMatchObject({ due: true });
});
