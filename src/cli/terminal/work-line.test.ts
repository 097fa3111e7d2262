import { expect, test } from 'vitest';
import { workText } from './work-line.ts';

test('a line of work says what is done, how far it is and how long it took so far', () => {
  const loading = { done: 2050, total: 43_050, unit: 'items', label: 'elements' } as const;
  expect(workText('Loading', { frame: '⠋', seconds: 3.14, progress: loading }, 80)).toBe(
    '  ⠋ Loading · elements · 2,050 of 43,050  3.1 s',
  );
  expect(workText('Starting', { frame: '⠋', seconds: 75 }, 80)).toBe('  ⠋ Starting  1 min 15 s');
});

test('a line of work never is wider than the terminal, and keeps its seconds', () => {
  const text = workText(
    'A title that goes on and on, past the end of any line that is there',
    { frame: '⠋', seconds: 12 },
    40,
  );
  expect(text.length).toBeLessThan(40);
  expect(text).toMatch(/…  12 s$/);
});
