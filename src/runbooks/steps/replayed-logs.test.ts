import { expect, test } from 'vitest';
import { requireReplayed } from './replayed-logs.ts';

const work = { run: 'restore-20260219-030000-abcd', step: 'start-database', epoch: 1, progress: () => {} };

async function lookAt(left: Readonly<Record<string, readonly string[]>>): Promise<void> {
  const nodes = Object.keys(left).map((name) => ({ name }));
  const agent = (name: string) => ({ run: async () => ({ left: left[name] ?? [] }) });
  await requireReplayed({ nodes, agent } as never, { ...work, signal: new AbortController().signal });
}

test('C3: a start that passed over a placed segment is no success, and names node and segment', async () => {
  await lookAt({ 'node-0': [], 'node-1': [] });
  const segment = 'CommitLog-100-1795923258542.log';
  await expect(lookAt({ 'node-0': [], 'node-1': [segment] })).rejects.toMatchObject({
    code: 'logs-not-replayed',
    happened: expect.stringMatching(/node-1 and has not replayed .*CommitLog-100-1795923258542/),
    details: [`node-1: ${segment}`],
  });
});
