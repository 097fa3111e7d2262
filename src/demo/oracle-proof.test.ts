import { expect, test } from 'vitest';
import { bankOf } from '../sample/bank.ts';
import {
  acknowledged,
  type TransactionChoice,
  committedBy,
  type ElementTexts,
  expectedState,
  type ObservedState,
} from '../sample/oracle.ts';
import type { GraphOperation } from '../sample/operation.ts';
import { type Transaction, transactionId } from '../sample/transaction.ts';
import { elementSum } from './element-sum.ts';
import { proveByOracle } from './oracle-proof.ts';

const bank = bankOf({ seed: 'proof', branches: 2, customersPerBranch: 3 });
const block = 'writer-0-0';

function transaction(sequence: number, ...operations: readonly GraphOperation[]): Transaction {
  const begins: readonly GraphOperation[] =
    sequence === 0 ? [{ type: 'add-vertex', vertex: { key: block, label: 'writer', properties: [] } }] : [];
  const number: GraphOperation = { type: 'set-property', key: block, property: { name: 'sequence', value: sequence } };
  return {
    thread: 0,
    sequence,
    block,
    operations: [...operations, ...begins, number],
    acknowledgedAt: '2026-02-19T02:00:00.000Z',
    commitTime: BigInt(sequence) * 10n + 1n,
  };
}

const transactions = [
  transaction(0, { type: 'set-property', key: 'account-1-0', property: { name: 'balance', value: 5 } }),
  transaction(1, { type: 'drop-vertex', key: 'account-1-1' }),
  transaction(
    2,
    { type: 'set-property', key: 'account-1-0', property: { name: 'balance', value: 9 } },
    { type: 'set-property', key: 'account-1-2', property: { name: 'balance', value: 7 } },
  ),
];

function holding(chosen: TransactionChoice, change: (elements: Map<string, string>) => void = () => {}): ObservedState {
  const elements = new Map(expectedState(bank, transactions, chosen));
  change(elements);
  return { elements, transactions: new Set(transactions.filter(chosen).map(transactionId)) };
}

const untouched = expectedState(bank, [], () => true);

test('a graph that is what the log says is proved, and no transaction is split', () => {
  const chosen = committedBy(11n);
  const proof = proveByOracle(bank, transactions, chosen, holding(chosen));
  expect(proof).toMatchObject({ missing: [], unexpected: [], changed: [], split: [], transactions: 2 });
  expect(proof.restored).toEqual(proof.expected);
});

test('a whole transaction too much is a difference, and not split', () => {
  const proof = proveByOracle(bank, transactions, committedBy(11n), holding(acknowledged));
  expect(proof.changed).toEqual(['account-1-0', 'account-1-2', block]);
  expect(proof.split).toEqual([]);
  expect(proof.restored.sha256).not.toBe(proof.expected.sha256);
});

test('a transaction of which one write is missing is split', () => {
  const before = expectedState(bank, transactions, committedBy(11n)).get('account-1-2') ?? '';
  const observed = holding(acknowledged, (elements) => elements.set('account-1-2', before));
  const proof = proveByOracle(bank, transactions, acknowledged, observed);
  expect(proof.changed).toEqual(['account-1-2']);
  expect(proof.split).toEqual(['0/2']);
});

test('a transaction whose number is absent while its writes are there is split', () => {
  const chosen = committedBy(11n);
  const after = expectedState(bank, transactions, acknowledged).get('account-1-2') ?? '';
  const proof = proveByOracle(
    bank,
    transactions,
    chosen,
    holding(chosen, (elements) => elements.set('account-1-2', after)),
  );
  expect(proof.split).toEqual(['0/2']);
});

test('a drop of a vertex that left one of its edges behind is split', () => {
  const [key, text] = [...untouched].find(
    ([name, each]) => name.startsWith('transfer-1') && each.includes('account-1-1'),
  ) ?? ['', ''];
  const proof = proveByOracle(
    bank,
    transactions,
    acknowledged,
    holding(acknowledged, (elements) => elements.set(key, text)),
  );
  expect(proof.unexpected).toEqual([key]);
  expect(proof.split).toEqual(['0/1']);
});

test('a transaction that is there without the one it built on makes every one there suspect', () => {
  const twice = [
    transaction(0, { type: 'drop-vertex', key: 'account-1-1' }),
    transaction(1, { type: 'drop-vertex', key: 'account-1-1' }),
  ];
  const observed = { elements: untouched, transactions: new Set(['0/0', '0/1']) };
  const proof = proveByOracle(bank, twice, acknowledged, observed);
  expect(proof.split).toEqual(['0/0', '0/1']);
  expect(proof.expected).toMatchObject({ vertices: 0, edges: 0 });
  expect(proof.unexpected).toHaveLength(untouched.size);
});

test('the sum of a graph counts by label, and differs when one value does; the order of reading does not matter', () => {
  const sum = elementSum(untouched);
  expect(sum.vertices).toBe(bank.counts.vertices);
  expect(sum.edges).toBe(bank.counts.edges);
  expect(sum.vertexLabels).toEqual({ account: 12, address: 6, customer: 6, device: 6 });
  expect(sum.edgeLabels).toMatchObject({ holds: 12, livesAt: 6, transfer: 66 });
  const turned: ElementTexts = new Map([...untouched].reverse());
  expect(elementSum(turned)).toEqual(sum);
  expect(elementSum(new Map([...untouched, ['account-1-0', 'account balance=Long "1"']])).sha256).not.toBe(sum.sha256);
});
