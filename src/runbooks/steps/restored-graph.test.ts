import { expect, test } from 'vitest';
import { CellTimes } from '../../graph/invariants/cell-times.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import { instantText } from '../../model/instant.ts';
import { isInherited, wholeUntil } from './restored-graph.ts';

const at = (micros: number) =>
  instantText.parse(new Date(micros / 1000).toISOString().replace('Z', `${String(micros % 1000).padStart(3, '0')}Z`));
const point = { snapshot: { from: at(1_000_000), to: at(1_100_000) } };

function plan(instant: number, exclusions: readonly number[]): Pick<LogPlan, 'instant' | 'strands'> {
  const strand = { timeline: 't0001', until: at(instant), exclusions: exclusions.map(at), streams: [], schemas: [] };
  return { instant: at(instant), strands: [strand] } as never;
}

const found = (kind: 'ghost-vertex' | 'missing-document', times: readonly number[]) => {
  const cells = new CellTimes();
  for (const time of times) cells.add(BigInt(time));
  return { finding: { kind, element: 'vertex 1', detail: 'd' }, times: cells };
};

test('a finding whose cells are of transactions that are whole in the base and its log is inherited', () => {
  const whole = wholeUntil(plan(5_000_000, []), point);
  expect(isInherited(found('ghost-vertex', [900_001, 4_999_999, 5_000_001]), whole)).toBe(true);
});

test('what is younger than the instant, or touches or may build on a transaction that was left out, is new', () => {
  const whole = wholeUntil(plan(5_000_000, [3_000_001]), point);
  expect(isInherited(found('ghost-vertex', [2_999_999]), whole)).toBe(true);
  expect(isInherited(found('ghost-vertex', [2_999_999, 3_000_001]), whole)).toBe(false);
  expect(isInherited(found('ghost-vertex', [4_000_001]), whole)).toBe(false);
  expect(isInherited(found('ghost-vertex', [5_000_003]), wholeUntil(plan(5_000_000, []), point))).toBe(false);
});

test('what was left out before the base was taken is not in it, and says nothing', () => {
  const whole = wholeUntil(plan(5_000_000, [500_001]), point);
  expect(isInherited(found('ghost-vertex', [600_001]), whole)).toBe(true);
});

test('nothing is inherited without a log, without a cell that shows it, or in an index that was made anew', () => {
  const whole = wholeUntil(plan(5_000_000, []), point);
  expect(isInherited(found('ghost-vertex', [1]), undefined)).toBe(false);
  expect(isInherited(found('ghost-vertex', []), whole)).toBe(false);
  expect(isInherited(found('missing-document', [1]), whole)).toBe(false);
});
