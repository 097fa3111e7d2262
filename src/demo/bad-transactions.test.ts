import { expect, test } from 'vitest';
import type { Tally } from '../graph/transactions/group-report.ts';
import type { SlotReport } from '../graph/transactions/slot-report.ts';
import { badTransactions } from './bad-transactions.ts';

const none: Tally = { count: 0, by: {}, ids: [] };
const some = (count: number): Tally => ({ count, by: { unknown: count }, ids: [] });

function slot(
  second: string,
  change: Partial<Pick<SlotReport, 'vertices' | 'edges' | 'properties' | 'entries'>>,
): SlotReport {
  const at = `2026-02-19T03:15:${second}Z`;
  return {
    id: at,
    at,
    of: 1,
    vertices: { added: none, removed: none, touched: none },
    edges: { added: none, removed: none, written: none },
    properties: { added: none, removed: none, written: none },
    entries: { written: 0, removed: 0 },
    tables: {},
    hosts: [],
    schemaChange: false,
    whole: true,
    findings: [],
    groups: [],
    ...change,
  };
}

const drops = { vertices: { added: none, removed: some(50), touched: none } };
const numbered = { properties: { added: none, removed: none, written: some(1) } };

test('what only takes vertices away is bad; an account closed by the application leaves its number behind', () => {
  const found = badTransactions([
    slot('02.000003', drops),
    slot('01.000001', drops),
    slot('01.500001', { ...drops, ...numbered }),
    slot('03.000001', numbered),
  ]);
  expect(found).toEqual({
    slots: ['2026-02-19T03:15:01.000001Z', '2026-02-19T03:15:02.000003Z'],
    first: '2026-02-19T03:15:01.000001Z',
    last: '2026-02-19T03:15:02.000003Z',
    before: '2026-02-19T03:15:00.999999Z',
  });
});

test('a commit time that a good transaction shares is not left out', () => {
  expect(badTransactions([slot('01.000001', { ...drops, entries: { written: 1, removed: 50 } })])).toBeUndefined();
});

test('taking edges alone away is nothing that this job did', () => {
  const edgeOnly = { edges: { added: none, removed: some(1), written: none } };
  expect(badTransactions([slot('01.000001', edgeOnly)])).toBeUndefined();
});
