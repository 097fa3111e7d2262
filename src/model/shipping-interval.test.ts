import { expect, test } from 'vitest';
import { configSchema } from './config.ts';

const s3 = { kind: 's3', bucket: 'backups' };
const kubernetes = { kind: 'kubernetes', namespace: 'graph' };

function intervalOf(environment: object): string | undefined {
  const { environments } = configSchema.parse({ name: 'bank', environments: { prod: environment } });
  return Object.values(environments)[0]?.backup.log.interval;
}

test('H: the interval of shipping follows from the store, the platform and the RPO', () => {
  expect(intervalOf({ platform: { kind: 'sandbox' } })).toBe('250ms');
  expect(intervalOf({ platform: { kind: 'sandbox' }, backup: { store: s3 } })).toBe('250ms');
  expect(intervalOf({ platform: kubernetes, backup: { store: s3 } })).toBe('1s');
  expect(intervalOf({ platform: kubernetes })).toBe('5s');
  // A twentieth of the RPO, where that is less.
  expect(intervalOf({ platform: kubernetes, objectives: { rpo: '90s' } })).toBe('4.5s');
  expect(intervalOf({ platform: kubernetes, backup: { store: s3 }, objectives: { rpo: '10s' } })).toBe('500ms');
});

test('one that is written down holds as it is', () => {
  expect(intervalOf({ platform: kubernetes, backup: { store: s3, log: { interval: '15s' } } })).toBe('15s');
});
