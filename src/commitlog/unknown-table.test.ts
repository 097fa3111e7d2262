import { expect, test } from 'vitest';
import { graphTable, mutationOf } from '../../test/support/shipped-logs.ts';
import { cutMutation } from './mutation-cut.ts';
import { micros } from '../model/instant.ts';

/*
 * A table was made, and written to, in the last second before the disk of its node was lost, or while its agent could
 * not look at Cassandra: what was written is shipped, and no schema tells of it. A plan reads the log to its end, for
 * the ids.
 */
test('what was written to a table of which no schema tells, all of it after the instant, stands in no way of the instant', () => {
  const known = graphTable('edgestore', '00000000-0000-4000-8000-000000000010');
  const made = graphTable('later', '00000000-0000-4000-8000-000000000014');
  const at = 1_771_466_400_000_001;
  const mutation = mutationOf([{ table: made, key: 'k', column: 'c', value: 'v', at }]);
  const rule = {
    lastKept: micros(at - 3600e6),
    exclusions: new Set<number>(),
    uncut: new Set<string>(),
    omitted: new Set<string>(),
  };
  const schemaOf = (...tables: readonly (typeof known)[]) => new Map(tables.map((table) => [table.id, table]));
  expect(cutMutation(mutation, 8, schemaOf(made, known), rule)).toBeUndefined();
  expect(cutMutation(mutation, 8, schemaOf(known), rule)).toBeUndefined();
  // Together with one that is known and stands before it.
  const both = mutationOf([
    { table: known, key: 'k', column: 'c', value: 'v', at },
    { table: made, key: 'k', column: 'c', value: 'v', at },
  ]);
  expect(cutMutation(both, 8, schemaOf(known), rule)).toBeUndefined();
});

test('what was written to such a table up to the instant, or to one that is kept beyond it, is refused by name', () => {
  const known = graphTable('edgestore', '00000000-0000-4000-8000-000000000010');
  const made = graphTable('later', '00000000-0000-4000-8000-000000000014');
  const at = 1_771_466_400_000_001;
  const mutation = mutationOf([{ table: made, key: 'k', column: 'c', value: 'v', at }]);
  const cut = (lastKept: number, uncut: readonly string[]) => () =>
    cutMutation(mutation, 8, new Map([[known.id, known]]), {
      lastKept: micros(lastKept),
      exclusions: new Set<number>(),
      uncut: new Set(uncut),
      omitted: new Set<string>(),
    });
  expect(cut(at, [])).toThrow(/holds a write to table/);
  expect(cut(at - 3600e6, [made.id])).toThrow(/holds a write to table/);
});
