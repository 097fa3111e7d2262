import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { imageNames } from './image-names.ts';

const checkout = join(import.meta.dirname, '../..');

test('an image is tagged with the version of what is in it', () => {
  expect(tagOf(imageNames.cardea)).toBe(JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')).version);
  expect(tagOf(imageNames.cassandra)).toBe(pinned('cassandra', 'cassandra-all'));
  expect(tagOf(imageNames.janusgraph)).toBe(pinned('janusgraph', 'janusgraph-server'));
});

function tagOf(name: string): string | undefined {
  return name.split(':')[1];
}

function pinned(pom: string, artifact: string): string | undefined {
  const text = readFileSync(join(checkout, `src/toolchain/parts/${pom}.pom.xml`), 'utf8');
  return new RegExp(`<artifactId>${artifact}</artifactId>\\s*<version>([^<]+)<`).exec(text)?.[1];
}
