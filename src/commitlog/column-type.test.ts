import { describe, expect, test } from 'vitest';
import { columnType } from './column-type.ts';

const cases: ReadonlyArray<readonly [string, number | undefined, boolean]> = [
  ['int', 4, false],
  ['bigint', 8, false],
  ['timestamp', 8, false],
  ['boolean', 1, false],
  ['timeuuid', 16, false],
  ['empty', 0, false],
  // Of these Cassandra says no length, though each has one.
  ['smallint', undefined, false],
  ['tinyint', undefined, false],
  ['date', undefined, false],
  ['time', undefined, false],
  ['counter', undefined, false],
  ['blob', undefined, false],
  ['list<int>', undefined, true],
  ['set<frozen<list<text>>>', undefined, true],
  ['map<text, frozen<tuple<int, text>>>', undefined, true],
  ['frozen<map<text, int>>', undefined, false],
  ['frozen<tuple<int, text>>', undefined, false],
  ['tuple<int, text>', undefined, false],
  ['vector<float, 3>', 12, false],
  ['vector<text, 3>', undefined, false],
  ['vector<vector<int, 2>, 5>', 40, false],
  ['frozen<vector<bigint, 2>>', 16, false],
  ['address', undefined, true],
  ['"Address<int>"', undefined, true],
  ['frozen<address>', undefined, false],
  ["'org.apache.cassandra.db.marshal.DateType'", 8, false],
  ["'org.apache.cassandra.db.marshal.LexicalUUIDType'", 16, false],
  ["'org.apache.cassandra.db.marshal.CompositeType(org.apache.cassandra.db.marshal.UTF8Type)'", undefined, false],
];

describe('a CQL type in the log', () => {
  for (const [type, fixedLength, multiCell] of cases) {
    const length = fixedLength === undefined ? 'values behind their lengths' : `values of ${fixedLength} bytes`;
    test(`${type}: ${length}, ${multiCell ? 'a cell for each element' : 'one cell'}`, () => {
      expect(columnType(type)).toEqual({ fixedLength, multiCell });
    });
  }
});
