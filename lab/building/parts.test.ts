import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { partFolder } from './part-build.ts';
import { labPart, labParts } from './parts.ts';

test('every part has its version from its go.mod, the hash of every module, and a source for every program', () => {
  for (const part of labParts()) {
    expect(part.version, part.name).toMatch(/^v\d+\.\d+\.\d+/);
    expect(existsSync(join(part.source, 'go.sum')), part.name).toBe(true);
    const source = readFileSync(join(part.source, 'go.mod'), 'utf8');
    const named =
      part.target === 'tool'
        ? `^(?:tool |\\t)\\S*[/](?:${(part.builtAs === undefined ? part.programs : [part.builtAs]).join('|')})$`
        : `^module .*[/]${part.programs.join('')}$`;
    expect(source.match(new RegExp(named, 'gm')), part.name).toHaveLength(part.programs.length);
  }
});

test('a part of another version, or built another way, lies in another folder', () => {
  const part = labPart('kubernetes');
  expect(partFolder('/cache', part)).toMatch(/^\/cache\/kubernetes-v1\.34\.\d+-[0-9a-f]{12}$/);
  expect(partFolder('/cache', part)).not.toBe(partFolder('/cache', { ...part, linked: {} }));
});

test('helm takes the lab for the cluster that it renders for', () => {
  expect(labPart('helm').linked).toMatchObject({ 'helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor': '34' });
});
