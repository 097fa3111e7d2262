import { expect, test } from 'vitest';
import { keepingFinding } from './store-keeping.ts';

test('versions that nothing removes and locked objects are a warning, with the rule that mends it', () => {
  const kept = keepingFinding({ versions: true, locked: false, expires: false }, '250ms');
  expect(kept).toMatchObject({ level: 'warning', says: expect.stringContaining('no lifecycle rule removes them') });
  expect(kept.next).toContain('noncurrent versions');
  expect(kept.details?.join()).toContain('690,000');
  expect(keepingFinding({ versions: true, locked: false, expires: 'unknown' }, '250ms')).toMatchObject({
    level: 'warning',
    says: expect.stringContaining('cannot be told'),
  });
  expect(keepingFinding({ versions: true, locked: true, expires: true }, '250ms')).toMatchObject({
    level: 'warning',
    says: expect.stringContaining('locks every object'),
  });
});

test('a bucket that keeps none, or has the rule, is good; one that does not say is never good', () => {
  expect(keepingFinding({ versions: false, locked: false, expires: false }, '250ms')).toMatchObject({ level: 'good' });
  expect(keepingFinding({ versions: true, locked: false, expires: true }, '250ms')).toMatchObject({ level: 'good' });
  expect(keepingFinding({ versions: 'unknown', locked: false, expires: false }, '250ms')).toMatchObject({
    level: 'unknown',
  });
  expect(keepingFinding({ versions: false, locked: 'unknown', expires: false }, '250ms')).toMatchObject({
    level: 'unknown',
  });
});
