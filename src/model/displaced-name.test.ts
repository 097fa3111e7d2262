import { expect, test } from 'vitest';
import { displacedName } from './displaced-name.ts';
import { safeName } from './safe-name.ts';

const restore = 'restore-20260219-020000-aaaa';

test('what a revert displaces has the name of what it brings back, and says that it was displaced', () => {
  expect(displacedName(restore)).toBe(`revert-${restore}`);
  expect(displacedName(`revert-${restore}`)).toBe(`revert-revert-${restore}`);
});

test('however often somebody goes back and forth, each name is another one, and none is too long', () => {
  const names = [restore];
  for (let turn = 0; turn < 2000; turn += 1) names.push(displacedName(names.at(-1) ?? ''));
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !safeName.safeParse(name).success)).toEqual([]);
  expect(names[10]).toBe(`${'revert-'.repeat(10)}${restore}`);
  expect(names[11]).toBe(`reverts-11-${restore}`);
});
