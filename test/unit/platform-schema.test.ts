import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { edgeLabels, indexNames, propertyKeys, vertexLabels } from '../../src/sample/schema.ts';

test('the graph that the chart brings is the one that the proofs write into', () => {
  const file = join(import.meta.dirname, '../../platform/helm/janusgraph-banking/files/graph-schema.json');
  const schema = JSON.parse(readFileSync(file, 'utf8'));
  expect(schema).toMatchObject({ propertyKeys, vertexLabels, edgeLabels });
  expect([...Object.keys(schema.compositeIndexes), ...Object.keys(schema.mixedIndexes)].sort()).toEqual(
    Object.values(indexNames).sort(),
  );
});
