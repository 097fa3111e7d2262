import { expect, test } from 'vitest';
import { pointTakenAt } from '../../../test/support/example-point.ts';
import { RetryableProblem } from '../../model/problem.ts';
import { requireTokensAfter, requireTokensBefore, tokensSeal } from './same-tokens.ts';

const nodeOf = (node: string, tokens: readonly string[]) => ({ node, hostId: node, tokens: [...tokens] }) as never;
const point = pointTakenAt(new Date('2026-03-01T02:00:00Z'), {
  nodes: [nodeOf('node-0', ['-5', '10']), nodeOf('node-1', ['20'])],
});

function platformOf(tokens: Readonly<Record<string, readonly string[]>>, ring?: () => Promise<never>) {
  const nodes = Object.keys(tokens).map((name) => ({ name, address: `at-${name}` }));
  const members = nodes.map(({ name, address }) => ({ address, tokens: tokens[name] }));
  return { environment: 'prod', nodes, database: { ring: ring ?? (async () => members) } } as never;
}

test('the same tokens in another order are the same', async () => {
  const same = platformOf({ 'node-1': ['20'], 'node-0': ['10', '-5'] });
  await requireTokensBefore(same, point);
  await requireTokensAfter(same, tokensSeal(point));
});

test('a node with other tokens is refused by name before anything is brought, and no start with them is a success', async () => {
  const other = platformOf({ 'node-0': ['10', '-5'], 'node-1': ['21'] });
  await expect(requireTokensBefore(other, point)).rejects.toMatchObject({
    code: 'tokens-differ',
    kind: 'refused',
    happened: expect.stringContaining('node-1'),
  });
  await expect(requireTokensAfter(other, tokensSeal(point))).rejects.toMatchObject({ code: 'tokens-changed' });
});

test('a database that does not answer is asked when it was started', async () => {
  const down = () =>
    Promise.reject(new RetryableProblem({ code: 'database-unreachable', happened: 'h', state: 's', next: 'n' }));
  await requireTokensBefore(platformOf({ 'node-0': [] }, down), point);
  await expect(requireTokensAfter(platformOf({ 'node-0': [] }, down), tokensSeal(point))).rejects.toMatchObject({
    code: 'database-unreachable',
  });
});
