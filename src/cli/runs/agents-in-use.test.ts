import { expect, test } from 'vitest';
import { testWorld } from '../../../test/support/engine-world.ts';
import { hanging, runbookOf, start } from '../../../test/support/runbook-sketch.ts';
import type { NodeAgent } from '../../ports/node-agent.ts';
import { agentsInUse } from './agents-in-use.ts';

const platformWith = (jobs: Readonly<Record<string, number>>) => ({
  agent: (node: string) =>
    ({
      health: async () => ({ node, version: '1', at: '', highestEpoch: 0, runningJobs: jobs[node] ?? 0 }),
    }) as unknown as NodeAgent,
});
const idle = platformWith({});

test('agents without a job, of an environment without an open run, are not in use', async () => {
  const world = testWorld();
  expect(await agentsInUse(world, idle, ['a', 'b'])).toBeUndefined();
  await start(world, runbookOf([{ id: 'a' }]));
  expect(await agentsInUse(world, idle, ['a', 'b'])).toBeUndefined();
});

test('a run under way uses them, and so does one that was interrupted and can go on', async () => {
  const world = testWorld();
  const step = hanging();
  const stop = new AbortController();
  const going = start(world, runbookOf([{ id: 'a', run: step.run }]), { signal: stop.signal });
  await step.started;
  expect(await agentsInUse(world, idle, ['a'])).toMatch(/^sketch-.* is under way$/);
  stop.abort();
  await going;
  expect(await agentsInUse(world, idle, ['a'])).toMatch(/^sketch-.* was interrupted and can be resumed$/);
});

test('a run on a copy has agents of its own', async () => {
  const world = testWorld();
  const step = hanging();
  const stop = new AbortController();
  const onCopy = { ...runbookOf([{ id: 'a', run: step.run }]), copyOf: () => 'staging' };
  const going = start(world, onCopy, { signal: stop.signal });
  await step.started;
  expect(await agentsInUse(world, idle, ['a'])).toBeUndefined();
  stop.abort();
  await going;
});

test('a job uses its agent, also when no run is known', async () => {
  expect(await agentsInUse(testWorld(), platformWith({ b: 1 }), ['a', 'b'])).toBe('the agent of b has a job');
});

test('what cannot be found out counts as use', async () => {
  const silent = {
    agent: () => ({ health: async () => Promise.reject(new TypeError('gone')) }) as unknown as NodeAgent,
  };
  expect(await agentsInUse(testWorld(), silent, ['a'])).toMatch(/^it is not known whether its agents are in use/);
});
