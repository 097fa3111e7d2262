import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { acceptedResult } from '../../src/runbook/step-result.ts';
import type { Runbook } from '../../src/runbook/define.ts';
import {
  acceptRunbook,
  backupRunbook,
  rehearseRunbook,
  restoreIntoRunbook,
  restoreRunbook,
  revertRunbook,
  shipRunbook,
  undoCompensateRunbook,
} from '../../src/runbooks/index.ts';
import { linesOf, namesOf, nodesOf } from '../../src/runbooks/steps/some-names.ts';

/**
 * A step's result has a bound, and a list that grows with the nodes, the schema or the data would meet it one day, after the step has done its
 * work. So a result has no list without a bound of its own: `someNames` and `someLines` (src/runbooks/steps/some-names.ts) say how many there
 * are and the first of them, and documents (src/runbooks/catalog/step-document.ts) hold what later steps need whole.
 */
const runbooks = [
  acceptRunbook,
  backupRunbook,
  rehearseRunbook,
  restoreIntoRunbook,
  restoreRunbook,
  revertRunbook,
  shipRunbook,
  undoCompensateRunbook,
] as unknown as readonly Runbook[];
const steps = runbooks.flatMap((runbook) =>
  runbook.steps.map((step) => ({ name: `${runbook.name} ${step.id}`, step })),
);

/** Maps whose keys are of a small set, and one that becomes a hash where it would be long. */
const bounded = new Set(['stock.findings.kinds', 'inventories']);

test.each(steps)('the result of $name has no list or map without a bound', ({ step }) => {
  const schema = z.toJSONSchema(step.result, { unrepresentable: 'any', io: 'output' });
  expect(unboundedIn(schema, '').filter((path) => !bounded.has(path))).toEqual([]);
});

describe('however many there are, what is said of them fits', () => {
  const many = Array.from({ length: 500 }, (_, at) => at);
  const names = many.map((at) => `hcd-paris-production-datacenter-rack1-statefulset-${at}`);
  const lines = names.map(
    (name) =>
      `${name}: The agent of ${name} at http://${name}.hcd-paris-all-pods-service.janusgraph-prod.svc.cluster.local:7420 cannot be reached: connect ECONNREFUSED "10.12.131.7:7420"; ${'ü'.repeat(500)}`,
  );
  const sha256 = 'a'.repeat(64);
  const shipped = { problems: linesOf(lines), missed: nodesOf(names) };
  const planned = {
    sha256,
    instant: '2026-02-19T02:00:00.000000Z',
    timeline: 't0001',
    exclusions: namesOf(lines),
    incomplete: namesOf(lines),
    addedTables: namesOf(names),
    createTables: true,
    idsKnown: true,
    streams: 500,
    objects: 1_000_000_000,
    bytes: 1e15,
  };
  test.each([
    ['restore pause-shipping', { timeline: 't0001', newest: null, lost: linesOf(lines) }],
    ['restore start-shipping', shipped],
    ['ship start-shipping', { timeline: 't0001', started: nodesOf(names), without: nodesOf(names), ...shipped }],
    ['backup ship-logs', { started: nodesOf(names), ...shipped }],
    ['backup retention', { kept: 1, removed: namesOf(names, 20) }],
    ['restore plan-logs', planned],
    ['restore extend-logs', planned],
    ['restore repair-roles', { repaired: nodesOf(names), failed: nodesOf(names) }],
    ['restore rebuild-index', { rebuilt: namesOf(lines), passedOver: 0 }],
    ['restore create-tables', { tables: namesOf(names) }],
    ['undo-compensate verify-undo', { elements: 1, comparedUpTo: 'x', met: linesOf(lines), known: 0 }],
  ])('%s', (wanted, result) => {
    const found = steps.find(({ name }) => name === wanted);
    if (found === undefined) throw new TypeError(`there is no step ${wanted}`);
    expect(acceptedResult(found.step, result).value).toEqual(result);
  });

  test('results of before, which held whole lists, are read, and say how many there were', () => {
    const old = { elements: 1, comparedUpTo: 'x', met: lines, known: 0 };
    const found = steps.find(({ name }) => name === 'undo-compensate verify-undo');
    if (found === undefined) throw new TypeError('there is no such step');
    const { value } = acceptedResult(found.step, old);
    expect(value).toMatchObject({ met: { count: 500, first: expect.arrayContaining([expect.stringContaining('…')]) } });
  });
});

type Schema = z.core.JSONSchema.BaseSchema;

/** Paths of the lists and maps that may hold any number. */
function unboundedIn(schema: Schema | boolean | undefined, path: string): readonly string[] {
  if (typeof schema !== 'object') return [];
  const inner = (name: string) => (path === '' ? name : `${path}.${name}`);
  const alternatives = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const items = Array.isArray(schema.items) ? [] : [schema.items];
  return [
    ...(schema.type === 'array' && schema.maxItems === undefined ? [path] : []),
    ...(typeof schema.additionalProperties === 'object' ? [path] : []),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, each]) => unboundedIn(each as Schema, inner(name))),
    ...[...alternatives, ...items].flatMap((each) => unboundedIn(each as Schema | undefined, path)),
  ];
}
