import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyMutation, schemaOfTables, tables } from '../../test/support/any-mutation.ts';
import { micros } from '../model/instant.ts';
import { cutMutation, type CutRule, MutationCut, noCounts } from './mutation-cut.ts';
import { isKept } from './cut-rule.ts';
import type { Mutation, PartitionUpdate, Row, WriteTime } from './mutation.ts';
import { decodeMutation, readMutation } from './mutation-reader.ts';
import { encodeMutation } from './mutation-writer.ts';
import { isSystemTable } from './system-tables.ts';
import { tableIndexOf } from './table-layout.ts';

const around = 1_771_466_400_000_001;
const [every, bare, wide] = tables.map(({ id }) => id);

const anyRule: fc.Arbitrary<CutRule> = fc.record({
  lastKept: fc.integer({ min: around - 8, max: around + 8 }).map(micros),
  exclusions: fc
    .array(fc.integer({ min: -4, max: 4 }), { maxLength: 2 })
    .map((slots) => new Set(slots.map((slot) => around + 2 * slot))),
  uncut: fc.subarray([bare ?? '']).map((ids) => new Set(ids)),
  omitted: fc.subarray([wide ?? '']).map((ids) => new Set(ids)),
});

/** The same decision, made on what the mutation means instead of on how it is stored. */
function keptMeaning({ updates }: Mutation, rule: CutRule): Mutation {
  const kept = (at: WriteTime | undefined) => (at !== undefined && isKept(at, rule) ? at : undefined);
  const row = (whole: Row): Row => ({
    clustering: whole.clustering,
    liveness: kept(whole.liveness),
    deletion: kept(whole.deletion),
    cells: whole.cells.filter(({ at }) => isKept(at, rule)),
    complexDeletions: whole.complexDeletions.filter(({ at }) => isKept(at, rule)),
  });
  const holds = ({ liveness, deletion, cells, complexDeletions }: Row) =>
    liveness !== undefined || deletion !== undefined || cells.length + complexDeletions.length > 0;
  const update = (whole: PartitionUpdate): PartitionUpdate => {
    const staticRow = whole.staticRow === undefined ? undefined : row(whole.staticRow);
    return {
      table: whole.table,
      key: whole.key,
      partitionDeletion: kept(whole.partitionDeletion),
      staticRow: staticRow !== undefined && holds(staticRow) ? staticRow : undefined,
      rows: whole.rows.map(row).filter(holds),
      rangeTombstones: whole.rangeTombstones.filter(({ at }) => isKept(at, rule)),
    };
  };
  return {
    updates: updates.flatMap((whole) => {
      if (rule.omitted.has(whole.table.id)) return [];
      if (rule.uncut.has(whole.table.id)) return [whole];
      const left = update(whole);
      const { partitionDeletion, staticRow, rows, rangeTombstones } = left;
      const empty =
        partitionDeletion === undefined && staticRow === undefined && rows.length + rangeTombstones.length === 0;
      return empty ? [] : [left];
    }),
  };
}

describe('the cut', () => {
  test('keeps of every mutation what was written at or before the last kept time and is not excluded, nothing else', () => {
    fc.assert(
      fc.property(anyMutation(around), anyRule, (mutation, rule) => {
        const bytes = encodeMutation(mutation);
        const whole = decodeMutation(bytes, 8, schemaOfTables);
        const cut = cutMutation(bytes, 8, schemaOfTables, rule);
        const left = cut === undefined ? { updates: [] } : decodeMutation(cut, 8, schemaOfTables);
        expect(left).toEqual(keptMeaning(whole, rule));
      }),
      { numRuns: 150 },
    );
  });

  test('cut twice is cut once, and what it leaves whole is the same array', () => {
    fc.assert(
      fc.property(anyMutation(around), anyRule, (mutation, rule) => {
        const once = cutMutation(encodeMutation(mutation), 7, schemaOfTables, rule);
        if (once !== undefined) expect(cutMutation(once, 7, schemaOfTables, rule)).toBe(once);
      }),
      { numRuns: 150 },
    );
  });

  test('the scan never disagrees with the decoder', () => {
    fc.assert(
      fc.property(anyMutation(around), anyRule, fc.boolean(), (mutation, rule, foreign) => {
        const bytes = encodeMutation(mutation);
        const judged = new MutationCut(schemaOfTables, foreign ? { ...rule, ownsToken: () => false } : rule);
        const decoded = new MutationCut(schemaOfTables, foreign ? { ...rule, ownsToken: () => false } : rule);
        const verdict = judged.judge(bytes, 0, bytes.length);
        const taken = decoded.takeApart(bytes);
        if (verdict === 'unsure') return;
        expect(verdict === 'whole' ? bytes : undefined).toBe(taken);
        if (!foreign) expect(judged.counts).toEqual(decoded.counts);
      }),
      { numRuns: 150 },
    );
  });

  test('the scan is sure of an ordinary mutation, before and after the instant', () => {
    const cut = new MutationCut(schemaOfTables, ruleAt(around));
    expect(cut.cut(cells(around))).toBeDefined();
    expect(cut.judge(cells(around), 0, cells(around).length)).toBe('whole');
    expect(cut.judge(cells(around + 1), 0, cells(around).length)).toBe('none');
  });

  test('of any bytes ends with an answer or a problem', () => {
    const index = tableIndexOf(schemaOfTables, 8);
    fc.assert(
      fc.property(
        anyMutation(around),
        anyRule,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        (whole, rule, changes) => {
          const bytes = encodeMutation(whole);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          try {
            cutMutation(bytes, 8, schemaOfTables, rule);
            readMutation(bytes, index);
          } catch (thrown) {
            expect(thrown).toHaveProperty('code', expect.stringMatching(/^log-/));
          }
        },
      ),
      { numRuns: 250 },
    );
  });

  test('leaves out what belongs to other nodes, to omitted tables and to Cassandra itself, and counts each', () => {
    const counts = noCounts();
    const rule = ruleAt(around);
    const cut = (bytes: Uint8Array, by: CutRule) => new MutationCut(schemaOfTables, by, counts).cut(bytes);
    expect(cut(cells(around), rule)).toEqual(cells(around));
    expect(cut(cells(around + 1), rule)).toBeUndefined();
    expect(cut(cells(around), { ...rule, ownsToken: () => false })).toBeUndefined();
    const omitted = new Set([every ?? '', bare ?? '']);
    expect(cut(cells(around), { ...rule, omitted })).toBeUndefined();
    // system.local, of which no schema was given.
    expect(isSystemTable('7ad54392-bcdd-35a6-8417-4e047860b377')).toBe(true);
    const local = cells(around);
    local.set(Buffer.from('7ad54392bcdd35a684174e047860b377', 'hex'), 1);
    expect(cut(local, rule)).toBeUndefined();
    expect(counts).toEqual({ whole: 1, cut: 0, dropped: 1, omitted: 2, foreign: 1 });
  });

  test('keeps tables of id claims whole, beyond the instant and the exclusions', () => {
    const rule = { ...ruleAt(around), exclusions: new Set([around]), uncut: new Set([bare ?? '']) };
    expect(cutMutation(cells(around), 8, schemaOfTables, rule)).toBeDefined();
    expect(cutMutation(cells(around + 50), 8, schemaOfTables, rule)).toBeDefined();
    expect(cutMutation(cells(around), 8, schemaOfTables, { ...rule, uncut: new Set() })).toBeUndefined();
  });

  test('refuses to rewrite what it cannot write back byte for byte', () => {
    // One cell before and one after the instant, and a length that was written longer than needed.
    const bytes = Buffer.from(mixedCells());
    const padded = Buffer.concat([bytes.subarray(0, 17), Buffer.from([0x80, 0x01]), bytes.subarray(18)]);
    expect(cutMutation(bytes, 8, schemaOfTables, ruleAt(around))?.length).toBeLessThan(bytes.length);
    expect(() => cutMutation(padded, 8, schemaOfTables, ruleAt(around))).toThrow(
      expect.objectContaining({ code: 'log-not-understood' }),
    );
  });
});

function ruleAt(lastKept: number): CutRule {
  return { lastKept: micros(lastKept), exclusions: new Set(), uncut: new Set(), omitted: new Set() };
}

/** A mutation of `bare` with one row of one cell, or of `every` with two. */
function update(id: string | undefined, columns: readonly string[], times: readonly number[]): Uint8Array {
  const layout = tableIndexOf(schemaOfTables, 8).find(Buffer.from((id ?? '').replaceAll('-', ''), 'hex'), 0);
  if (layout === undefined) throw new TypeError('the table is there');
  const found = columns
    .map((name) => layout.column(Buffer.from(name), 0, name.length))
    .filter((one) => one !== undefined);
  return encodeMutation({
    updates: [
      {
        layout,
        key: Buffer.from('k'),
        body: {
          base: { timestamp: Math.min(...times), localDeletionTime: 1_771_466_400, ttl: 0 },
          staticColumns: [],
          columns: found,
          deletion: undefined,
          staticRow: undefined,
          rowEstimate: 1,
          items: [
            {
              kind: 'row',
              clustering: layout.clustering.map(() => Buffer.from('12345678')),
              liveness: undefined,
              deletion: undefined,
              shadowable: false,
              columns: found.map((column, at) => ({
                column,
                deletion: undefined,
                cells: [
                  {
                    at: times[at] ?? 0,
                    deletedAt: undefined,
                    expiry: undefined,
                    path: undefined,
                    value: Buffer.alloc(column.fixedLength ?? 3, 1),
                  },
                ],
              })),
            },
          ],
        },
      },
    ],
  });
}

const cells = (at: number) => update(bare, ['v'], [at]);
const mixedCells = () => update(every, ['a', 'b'], [around, around + 1]);
