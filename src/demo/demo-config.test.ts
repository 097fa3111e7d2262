import { expect, test } from 'vitest';
import sample from '../../platform/cardea.config.ts';
import { configSchema } from '../model/config.ts';
import { demoConfig } from './demo-config.ts';

const config = configSchema.parse(sample);

test("the demo's environment is the sample's local one, alone, in the size asked for", () => {
  const { config: derived, environment } = demoConfig(config, { nodes: 3, store: 'directory' });
  expect(Object.keys(derived.environments)).toEqual(['demo']);
  expect(environment).toEqual(config.environments['local' as never]);
});

test('a ring of one or two nodes has no more replicas than nodes', () => {
  for (const nodes of [1, 2, 5]) {
    const { environment } = demoConfig(config, { nodes, store: 'directory' });
    expect(environment.datacenter.size).toBe(nodes);
    expect(environment.janusgraph.replicationFactor).toBe(Math.min(3, nodes));
  }
});

test('a size that one machine cannot carry is refused before anything starts', () => {
  for (const nodes of [0, 10]) {
    expect(() => demoConfig(config, { nodes, store: 'directory' })).toThrow(/cannot run on one machine/);
  }
});
