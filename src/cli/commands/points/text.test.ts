import { expect, test } from 'vitest';
import { pointTakenAt } from '../../../../test/support/example-point.ts';
import { runId } from '../../../model/identifiers.ts';
import type { RestorePoint } from '../../../model/restore-point.ts';
import { pointJson, pointsText } from './text.ts';

const now = new Date('2026-02-19T08:00:00Z');

function point(day: number, changes: Partial<RestorePoint>): RestorePoint {
  const at = new Date(Date.UTC(2026, 1, day, 2, 0, 30));
  return pointTakenAt(at, { bytes: 12_884_901_888, newBytes: 104_857_600, ...changes });
}

const proven = {
  at: '2026-02-18T03:00:00.000Z',
  run: runId.parse('rehearse-20260218-025000-aaaa'),
  seconds: { restore: 600, start: 60, open: 30, check: 110 },
};
const points = [
  point(19, {}),
  point(18, {
    proof: 'proven',
    proven,
    mode: 'full',
    newBytes: 12_884_901_888,
  }),
  point(17, {
    proof: 'failed',
    cut: 'fuzzy',
    failure: 'edgestore was skipped',
  }),
];

test('points are listed with age, size, new bytes, cut, proof, measured restore time and the reason of a failure', () => {
  expect(pointsText(points, now)).toBe(
    [
      'POINT                           AGE      SIZE       NEW  MODE          CUT       PROOF    RESTORES IN  WHY',
      'backup-20260219-020030   5 h 59 min  12.0 GiB   100 MiB  differential  quiesced  checked',
      'backup-20260218-020030  29 h 59 min  12.0 GiB  12.0 GiB  full          quiesced  proven   13 min 20 s',
      'backup-20260217-020030      2 d 5 h  12.0 GiB   100 MiB  differential  fuzzy     FAILED                edgestore was skipped',
    ].join('\n'),
  );
});

test('columns that say nothing are left out, and no points are said to be none', () => {
  expect(pointsText(points.slice(0, 1), now)).not.toContain('WHY');
  expect(pointsText([], now)).toBe('No restore points.');
});

test('machine output has id, takenAt, bytes, cut and proof', () => {
  expect(pointJson(points[0] ?? point(19, {}))).toMatchObject({
    id: 'backup-20260219-020030',
    takenAt: '2026-02-19T02:00:30.000Z',
    bytes: 12_884_901_888,
    cut: 'quiesced',
    proof: 'checked',
  });
});

test('a point whose document is damaged shows as failed with the object, and nothing that it says is shown', () => {
  const failure = 'backup-20260218-020000.json cannot be read: its content does not match its check sum.';
  const damaged = { id: 'backup-20260218-020000', failure };
  expect(pointJson(damaged)).toEqual({ id: 'backup-20260218-020000', proof: 'failed', failure });
  const [, line = ''] = pointsText([damaged], now).split('\n');
  expect(line.split(/ {2,}/)).toEqual(['backup-20260218-020000', 'FAILED', failure]);
});
