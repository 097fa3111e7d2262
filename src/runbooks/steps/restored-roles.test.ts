import { expect, test } from 'vitest';
import { FailedProblem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';
import { repairRolesStep, restoredRoles, rolesAsResult, rolesOf, rolesWarning } from './restored-roles.ts';
import { namesOf } from './some-names.ts';

const point = { from: 'point', why: 'the data that was set aside has none' } as const;
const living = { from: 'living' } as const;

test('each node whose roles are those of the point is named with the reason, and one that had not been drained', () => {
  const lines: string[] = [];
  const done = [
    { node: 'a', result: { roles: living } },
    { node: 'b', result: { roles: point } },
    { node: 'c', result: { roles: living } },
  ];
  const roles = restoredRoles(done, ['a'], (line) => lines.push(line));
  expect(roles).toEqual({ kept: ['a', 'c'], ofPoint: ['b'], differ: true });
  expect(lines).toEqual([
    'roles and passwords are kept as they were on a, c',
    'roles and passwords of b are those of the point, and changes since are undone there: the data that was set aside has none',
    'c did not run, so roles that were changed right before they went down may be missing there',
  ]);
  expect(rolesWarning(roles)).toBe(
    'Roles and passwords are those of the restore point on b, which had lost theirs: set again those that were changed since.',
  );
});

test('a ring that lost all has nothing to repair, and one that kept all has nothing to say', () => {
  const all = restoredRoles([{ node: 'a', result: { roles: point } }], [], () => {});
  expect(all).toMatchObject({ kept: [], differ: false });
  expect(rolesWarning(all)).toBe(
    'Roles and passwords are those of the restore point: set again those that were changed since.',
  );
  expect(rolesWarning(restoredRoles([{ node: 'a', result: { roles: living } }], ['a'], () => {}))).toBeUndefined();
});

test('only nodes with the roles of the point are repaired; a repair that fails is said and does not end the restore', async () => {
  const asked: string[] = [];
  const lines: string[] = [];
  const platform = {
    nodes: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
    agent: (node: string) => ({
      run: async (_key: unknown, kind: string) => {
        asked.push(`${kind} on ${node}`);
        if (node === 'c') {
          throw new FailedProblem({
            code: 'nodetool-failed',
            happened: 'nodetool repair failed on c.',
            state: '',
            next: '',
          });
        }
        return {};
      },
    }),
  } as unknown as Platform;
  const whole = { kept: ['a'], ofPoint: ['b', 'c'], differ: true };
  const roles = rolesAsResult(platform, whole);
  expect(rolesOf(platform, { 'start-database': { roles } })).toEqual(whole);
  // As the step of before had it.
  expect(rolesOf(platform, { 'start-database': { roles: whole } })).toEqual(whole);
  const done = await repairRolesStep.run({
    run: 'restore-1',
    step: 'repair-roles',
    epoch: 1,
    signal: new AbortController().signal,
    progress: () => {},
    log: (line) => lines.push(line),
    services: { platform } as never,
    results: { 'start-database': { roles } },
  });
  expect(done).toEqual({ repaired: namesOf(['b']), failed: namesOf(['c']) });
  expect(asked).toEqual(['repair-roles on b', 'repair-roles on c']);
  expect(lines[0]).toContain('nodetool repair --full system_auth');
});
