import { expect, test } from 'vitest';
import { TableRows } from '../../test/support/table-rows.ts';
import { readSchema } from './schema.ts';
import { fromSchemaDocument, graphSchemaDocument, toSchemaDocument } from './schema-document.ts';
import { sampleShapes } from './transactions/sample-shapes.ts';

test('a schema comes back from its document as it was read from the database', async () => {
  const rows = new TableRows();
  const schema = await readSchema(rows, 'janusgraph');
  const shapes = await sampleShapes(rows, 'janusgraph', schema);
  const facts = { keyspace: 'janusgraph', at: '2026-02-19T02:00:00.000000Z', shapes };
  const text = graphSchemaDocument.write(toSchemaDocument(schema, facts));
  const read = fromSchemaDocument(graphSchemaDocument.read(text, 'schemas/x.json'));
  expect(read.schema).toEqual(schema);
  expect(new Map(read.shapes.map(({ label, parts }) => [label, parts]))).toEqual(
    new Map(shapes.map(({ label, parts }) => [label, parts])),
  );
  expect(shapes.map(({ label }) => schema.labels.get(label)?.name ?? '').sort()).toEqual([
    'account',
    'frozen',
    'hub',
    'person',
  ]);
});
