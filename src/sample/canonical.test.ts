import { expect, test } from 'vitest';
import { canonicalVertex, edgeText, vertexText } from './canonical.ts';

const customer = {
  key: 'customer-1-1',
  label: 'customer',
  properties: [
    { name: 'email', value: 'a@mail.example', meta: { verified: true } },
    { name: 'score', value: 2 },
    { name: 'name', value: 'Ada "A" Bauer' },
  ],
} as const;

test('the order in which properties come does not matter', () => {
  expect(vertexText({ ...customer, properties: customer.properties.toReversed() })).toBe(vertexText(customer));
});

test('a double reads the same whether Java or JavaScript printed it', () => {
  const observed = (text: string) => canonicalVertex('customer', [{ name: 'score', type: 'Double', text, meta: [] }]);
  expect(observed('2.0')).toBe(vertexText({ ...customer, properties: [{ name: 'score', value: 2 }] }));
  expect(observed('1.0E-5')).toBe(observed('0.00001'));
});

test('a value of another type, another meta-property and another end each make another text', () => {
  const integer = canonicalVertex('customer', [{ name: 'score', type: 'Integer', text: '2', meta: [] }]);
  expect(integer).not.toBe(vertexText({ ...customer, properties: [{ name: 'score', value: 2 }] }));
  const unverified = { ...customer.properties[0], meta: { verified: false } };
  expect(vertexText({ ...customer, properties: [unverified] })).not.toBe(
    vertexText({ ...customer, properties: [customer.properties[0]] }),
  );
  const edge = { key: 'uses-1-1', label: 'uses', from: 'a', to: 'b', properties: [] } as const;
  expect(edgeText(edge)).not.toBe(edgeText({ ...edge, from: 'b', to: 'a' }));
});

test('a value that looks like two properties is not taken for them', () => {
  const one = { ...customer, properties: [{ name: 'note', value: 'x", street=String "y' }] } as const;
  const two = {
    ...customer,
    properties: [
      { name: 'note', value: 'x' },
      { name: 'street', value: 'y' },
    ],
  } as const;
  expect(vertexText(one)).not.toBe(vertexText(two));
});
