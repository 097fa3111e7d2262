import { expect, test } from 'vitest';
import { pointTakenAt } from '../../../test/support/example-point.ts';
import { removalOf, type Proof, type RestorePoint } from '../../model/restore-point.ts';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { createPoint, getOwnPoint, ownPoints } from '../catalog/point-catalog.ts';
import { acceptPoint, choosePoint } from './choose-point.ts';

function point(day: number, proof: Proof): RestorePoint {
  const failure = proof === 'failed' ? { failure: 'edgestore-1 is missing' } : {};
  return pointTakenAt(new Date(Date.UTC(2026, 1, day, 2)), { proof, ...failure });
}

test('C2: the newest proven point is chosen, and a newer one that is only checked is named', () => {
  const choice = choosePoint([point(9, 'taken'), point(8, 'checked'), point(7, 'proven'), point(6, 'proven')], 'prod');
  expect(choice.point).toEqual(point(7, 'proven'));
  expect(choice.warning).toContain('taken at 2026-02-07T02:00:00.000Z');
  expect(choice.warning).toContain('--to backup-20260208-020000');
});

test('C2: a proven point that is the newest good one needs no warning', () => {
  const choice = choosePoint([point(9, 'failed'), point(8, 'proven'), point(7, 'checked')], 'prod');
  expect(choice).toEqual({ point: point(8, 'proven') });
});

test('C2: without a proven point the newest checked one is chosen, with a warning that names the rehearsal', () => {
  const choice = choosePoint([point(9, 'failed'), point(8, 'checked'), point(7, 'checked')], 'prod');
  expect(choice.point.id).toBe('backup-20260208-020000');
  expect(choice.warning).toContain('not proven');
  expect(choice.warning).toContain('cardea rehearse prod backup-20260208-020000');
});

test('C2: a taken or failed point is never chosen; the refusal lists what there is', () => {
  expect(() => choosePoint([point(9, 'taken'), point(8, 'failed')], 'prod')).toThrow(
    expect.objectContaining({
      code: 'no-good-point',
      details: ['backup-20260209-020000: taken', 'backup-20260208-020000: failed (edgestore-1 is missing)'],
    }),
  );
});

test('a taken point needs the flag, and is used with a warning', () => {
  expect(() => acceptPoint(point(9, 'taken'), { taken: false, failed: false })).toThrow(
    expect.objectContaining({ code: 'point-not-good' }),
  );
  expect(acceptPoint(point(9, 'taken'), { taken: true, failed: false }).warning).toContain('taken, not proven');
});

test('a failed point needs its flag, which the refusal names', () => {
  expect(() => acceptPoint(point(9, 'failed'), { taken: true, failed: false })).toThrow(
    expect.objectContaining({
      code: 'point-not-good',
      happened: expect.stringContaining('edgestore-1 is missing'),
      next: expect.stringContaining('--allow-failed'),
    }),
  );
});

test('a failed point that is named with the flag is used, with a warning that says why it failed: it is checked anew', () => {
  expect(acceptPoint(point(9, 'failed'), { taken: false, failed: true }).warning).toMatch(
    /edgestore-1 is missing.*checked anew/,
  );
});

test('a point whose removal has begun is refused, with the flag too', () => {
  const going = { ...point(9, 'failed'), failure: removalOf('backup-20260301-020000-abcd', 'older than 30d') };
  expect(() => acceptPoint(going, { taken: true, failed: true })).toThrow(
    expect.objectContaining({ code: 'point-not-good' }),
  );
});

test('a point of another environment is refused by name, and is not among the own ones', async () => {
  const store = new MemoryStore();
  const [own, other] = ['2026-02-19T02:00:00Z', '2026-02-20T02:00:00Z'].map((at) => new Date(at));
  if (own === undefined || other === undefined) throw new TypeError('two times');
  await createPoint(store, pointTakenAt(own, { environment: 'prod' }));
  const { id } = pointTakenAt(other, { environment: 'staging' });
  await createPoint(store, pointTakenAt(other, { environment: 'staging' }));
  expect((await ownPoints(store, 'prod')).map((point) => point.id)).toEqual(['backup-20260219-020000']);
  await expect(getOwnPoint(store, id, 'prod')).rejects.toMatchObject({
    code: 'point-of-another-environment',
    kind: 'refused',
    happened: `The restore point ${id} is of staging, not of prod.`,
  });
});

test('points of a history that was left are passed over, and named with why where there is no other', () => {
  const left = ({ id }: RestorePoint) => (id === point(8, 'proven').id ? 'it is of the timeline t0001' : undefined);
  expect(choosePoint([point(8, 'proven'), point(7, 'checked')], 'prod', [], left).point).toEqual(point(7, 'checked'));
  const refused = () => choosePoint([point(8, 'proven'), point(7, 'failed')], 'prod', [], left);
  expect(refused).toThrow(
    expect.objectContaining({
      code: 'no-good-point',
      happened: expect.stringContaining('of its present history'),
      next: expect.stringContaining('cardea restore prod --to backup-20260208-020000'),
      details: expect.arrayContaining([expect.stringContaining('it is of the timeline t0001')]),
    }),
  );
});
