import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize, relative } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { outside, rooms } from '../../rooms.ts';

const checkout = join(import.meta.dirname, '../..');
const names = Object.keys(rooms);
const planted = mkdtempSync(join(tmpdir(), 'cardea-rooms-'));

afterAll(() => rmSync(planted, { recursive: true, force: true }));

test('every folder of the program is a room, and every room is a folder', () => {
  const folders = readdirSync(join(checkout, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `src/${name}`);
  expect(names.toSorted()).toEqual([...folders, 'lab', ...outside].toSorted());
});

test('docs/architecture.md says of each room what the rule says', () => {
  const page = readFileSync(join(checkout, 'docs/architecture.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([^`]+)` \|.*\| ([^|]+) \|$/gm)];
  const told = Object.fromEntries(rows.map(([, room = '', may = '']) => [room, may]));
  const short = (room: string) => room.replace('src/', '');
  const wanted = Object.entries(rooms).map(([room, may]) => [
    room,
    may === 'everything' ? 'everything' : may.length === 0 ? 'nothing of ours' : may.map(short).join(', '),
  ]);
  expect(told).toEqual(Object.fromEntries(wanted));
});

/** Whether the table lets one room import the other. */
function isAllowed(from: string, to: string): boolean {
  const may = rooms[from];
  if (outside.includes(from)) return true;
  return may === 'everything' ? !outside.includes(to) : may?.includes(to) === true;
}

test('the lint rule refuses a wrong import in a file planted anywhere, at every depth, and no right one', () => {
  for (const file of ['oxlint.config.ts', 'rooms.ts']) cpSync(join(checkout, file), join(planted, file));
  symlinkSync(join(checkout, 'node_modules'), join(planted, 'node_modules'));
  const adapters = readdirSync(join(checkout, 'src/adapters'));
  const wrong: string[] = [];
  const plant = (place: string, target: string, allowed: boolean) => {
    const path = join(place, `to-${target.replaceAll('/', '-')}.ts`);
    mkdirSync(join(planted, place), { recursive: true });
    const from = relative(join(planted, place), join(planted, target, 'planted.ts'));
    writeFileSync(join(planted, path), `import { planted } from '${from}';\nplanted();\n`);
    if (!allowed) wrong.push(path);
  };
  for (const name of adapters) mkdirSync(join(planted, 'src/adapters', name), { recursive: true });
  for (const from of names) {
    for (const depth of from === 'src/adapters' ? [] : ['', 'one', 'one/two']) {
      for (const to of names) if (to !== from) plant(join(from, depth), to, isAllowed(from, to));
    }
  }
  for (const name of adapters) {
    for (const depth of ['', 'one']) {
      const place = join('src/adapters', name, depth);
      for (const to of names) if (to !== 'src/adapters') plant(place, to, isAllowed('src/adapters', to));
      for (const other of adapters) if (other !== name) plant(place, join('src/adapters', other), false);
    }
  }
  const oxlint = join(checkout, 'node_modules/oxlint/bin/oxlint');
  const { stdout } = spawnSync(process.execPath, [oxlint, '--format=json', '.'], {
    cwd: planted,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const found = z
    .object({ diagnostics: z.array(z.object({ code: z.string().optional(), filename: z.string() })) })
    .parse(JSON.parse(stdout))
    .diagnostics.filter(({ code }) => code?.includes('no-restricted-imports') === true)
    .map(({ filename }) => normalize(filename));
  expect([...new Set(found)].toSorted()).toEqual(wrong.toSorted());
  expect(wrong.length).toBeGreaterThan(300);
});

test('no file of the program imports against the arrows, when it is first needed either', () => {
  const files = execFileSync('git', ['ls-files', 'src', 'lab'], { cwd: checkout, encoding: 'utf8' }).trim().split('\n');
  const adapterOf = (path: string) => /^src\/adapters\/[^/]+(?=\/)/.exec(path)?.[0];
  const roomOf = (path: string) => adapterOf(path) ?? names.find((room) => path.startsWith(`${room}/`));
  const tableOf = (room: string) => (room.startsWith('src/adapters/') ? 'src/adapters' : room);
  const against = files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => {
      const text = readFileSync(join(checkout, file), 'utf8');
      const targets = [...text.matchAll(/(?:from|import)\s*\(?\s*['"`](\.[^'"`]+)['"`]/g)].map(([, path = '']) =>
        normalize(join(dirname(file), path)),
      );
      const from = roomOf(file) ?? '';
      return targets
        .filter((target) => {
          const to = roomOf(target);
          // A test may import what it likes, so nothing of the program may go through one.
          if (target.endsWith('.test.ts')) return true;
          return to !== undefined && to !== from && !isAllowed(tableOf(from), tableOf(to));
        })
        .map((target) => `${file} -> ${target}`);
    });
  expect(against).toEqual([]);
});
