import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const rows = [...read('docs/requirements.md').matchAll(/^\| ([A-Z]\d*) \| .* \| (tested|to come)\b.* \|$/gm)];
const explained = rows.map(([, id = '']) => id);
const proved = idsOfTitles();

test('every requirement that a test names is explained in docs/requirements.md', () => {
  const unknown = [...proved].filter(([id]) => !explained.includes(id));
  expect(unknown.map(([id, file]) => `${id} in ${file}`)).toEqual([]);
});

test('docs/requirements.md calls tested what a test names, and nothing else', () => {
  const tested = rows.filter(([, , state]) => state === 'tested').map(([, id = '']) => id);
  expect(tested.filter((id) => !proved.has(id))).toEqual([]);
  expect(explained.filter((id) => proved.has(id) && !tested.includes(id))).toEqual([]);
});

test('docs/requirements.md explains each requirement once', () => {
  expect(explained.filter((id, at) => explained.indexOf(id) !== at)).toEqual([]);
  expect(explained.length).toBeGreaterThan(40);
});

/** Ids before the colon of a test's title, `B5 C3: …` or `H, G3: …`, each with a file that has it. */
function idsOfTitles(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const file of globSync('{src,lab,test}/**/*.test.ts', { cwd: root })) {
    for (const [, ids = ''] of read(file).matchAll(/['"`]((?:[A-Z]\d+|H)(?:,? (?:[A-Z]\d+|H))*): /g)) {
      for (const id of ids.split(/,? /)) found.set(id, file);
    }
  }
  return found;
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}
