import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forecastTable } from '../../bench/forecast.ts';

test('H: the forecast in docs/performance.md is what the rates of today give: `node bench/forecast.ts` prints it', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/performance.md'), 'utf8');
  const [, told] = /<!-- forecast begin -->\n\n([\s\S]*?)\n\n<!-- forecast end -->/.exec(page) ?? [];
  expect(told).toBe(forecastTable());
});
