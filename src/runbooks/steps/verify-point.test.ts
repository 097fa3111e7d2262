import { expect, test } from 'vitest';
import { verifiedInventories } from './verify-point.ts';

const checked = { files: 1, bytes: 1, newBytes: 0 };

test('a restore is bound to the inventory that each agent has read', () => {
  const done = [{ node: 'node-1', result: { ...checked, inventorySha256: 'a'.repeat(64) } }];
  expect(verifiedInventories(done)).toEqual(new Map([['node-1', 'a'.repeat(64)]]));
});

test('a restore is refused before anything stops where an agent of before cannot be bound', () => {
  const done = [
    { node: 'node-1', result: { ...checked, inventorySha256: 'a'.repeat(64) } },
    { node: 'node-2', result: checked },
  ];
  expect(() => verifiedInventories(done)).toThrow(
    expect.objectContaining({
      kind: 'refused',
      code: 'agent-outdated',
      happened: expect.stringContaining('The agents of node-2 '),
    }),
  );
});
