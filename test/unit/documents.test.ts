import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: root }).sort()];

test.each(pages)('%s names only files and folders of the repository that are there', (page) => {
  const missing = prose(page).flatMap(({ text, line }) =>
    [...text.matchAll(/(?<![\w./~-])(?:\.ci|bench|docs|lab|platform|src|test)\/[\w./@-]*[\w/]/g)]
      .filter(([path]) => !existsSync(join(root, path)))
      .map(([path]) => `${page}:${line} ${path}`),
  );
  expect(missing).toEqual([]);
});

test.each(pages)('%s links only to pages and headings that are there', (page) => {
  const dead = prose(page).flatMap(({ text, line }) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target) && !isThere(page, target))
      .map((target) => `${page}:${line} ${target}`),
  );
  expect(dead).toEqual([]);
});

test.each(pages)('%s has no line of prose that is longer than 120 columns', (page) => {
  const long = prose(page).filter(({ text }) => {
    // A link cannot be broken; what stands around it can.
    const visible = text.replaceAll(/\]\([^)]*\)/g, ']').replaceAll(/https?:\/\/\S+/g, '');
    return !/^(?: *\|| {4})/.test(text) && visible.length > 120;
  });
  expect(long.map(({ line }) => `${page}:${line}`)).toEqual([]);
});

test('docs/restore.md quotes only what the program prints', () => {
  // Placeholders and comments are no text that anybody reads on a terminal.
  const printed = globSync('src/**/*.ts', { cwd: root, exclude: ['**/*.test.ts'] })
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .map((code) => code.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, '').replaceAll(/\$\{[^}'"`]*\}/g, '\0'))
    .join('\0');
  const page = prose('docs/restore.md')
    .map(({ text }) => text)
    .join(' ');
  const quoted = [...page.matchAll(/`([^`]+)`/g)]
    .map(([, phrase = '']) => phrase)
    .filter((phrase) => phrase.includes(' ') && !/^(?:cardea|nodetool|kubectl|--|\.|\/)/.test(phrase));
  expect(quoted.length).toBeGreaterThan(25);
  // What the program fills in, and the semicolon with which it adds one sentence to another, stand between the parts.
  const parts = (phrase: string) => phrase.split(/…|;|\b(?:prod|POINT|RUN|NAME)\b|\d+/).map((part) => part.trim());
  expect(quoted.filter((phrase) => !parts(phrase).every((part) => printed.includes(part)))).toEqual([]);
});

test('docs/words.md has its words in order, once, each with a file', () => {
  for (const group of readFileSync(join(root, 'docs/words.md'), 'utf8').split(/^## /m).slice(1)) {
    const rows = group.split('\n').filter((line) => /^\| (?!word \|)/.test(line));
    const words = rows.map((row) => (row.split('|')[1] ?? '').trim().toLowerCase().replace(',', ''));
    expect(words).toEqual([...new Set(words)].sort());
    expect(rows.filter((row) => !/\| `(?:src|lab)\/[^`]+\.ts`[^|]*\|$/.test(row))).toEqual([]);
  }
});

test('every decision has a date and a status, and stands with them in the index', () => {
  const folder = 'docs/decisions';
  const index = readFileSync(join(root, folder, 'README.md'), 'utf8');
  for (const file of globSync('0*.md', { cwd: join(root, folder) })) {
    const page = readFileSync(join(root, folder, file), 'utf8');
    const [, number, title, date, status] =
      /^# (\d+)\. (.+)\n\nDate: (\d{4}-\d{2}-\d{2})\. Status: (.+)\.\n/.exec(page) ?? [];
    expect(index, file).toContain(`| ${number} | [${title}](${file}) | ${date} | ${status} |\n`);
  }
});

/** The lines of a page outside its fenced code blocks, each with its number. */
function prose(page: string): ReadonlyArray<{ readonly text: string; readonly line: number }> {
  let fenced = false;
  return readFileSync(join(root, page), 'utf8')
    .split('\n')
    .flatMap((text, at) => {
      const fence = text.trimStart().startsWith('```');
      if (fence) fenced = !fenced;
      return fenced || fence ? [] : [{ text, line: at + 1 }];
    });
}

function isThere(page: string, target: string): boolean {
  const [path = '', heading] = target.split('#');
  const file = path === '' ? page : relative(root, join(root, dirname(page), path));
  if (!existsSync(join(root, file))) return false;
  return heading === undefined || headings(file).includes(heading);
}

/** The names under which the headings of a page can be linked to. */
function headings(page: string): readonly string[] {
  return prose(page)
    .filter(({ text }) => /^#+ /.test(text))
    .map(({ text }) =>
      text
        .replace(/^#+ /, '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
}
