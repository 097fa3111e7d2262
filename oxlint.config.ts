import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type OxlintConfig } from 'oxlint';
import { outside, rooms } from './rooms.ts';

type Override = NonNullable<OxlintConfig['overrides']>[number];

/** Adapters do not know each other: the folders are read, so that a new one is held to it without a word here. */
const adapters = readdirSync(join(import.meta.dirname, 'src/adapters'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'import', 'oxc', 'node', 'promise'],
  categories: { correctness: 'error', suspicious: 'error' },
  ignorePatterns: ['node_modules', '.cardea'],
  rules: {
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/no-unsafe-type-assertion': 'off',
    'typescript/no-unnecessary-type-arguments': 'off',
    'eslint/no-await-in-loop': 'off',
    'eslint/no-underscore-dangle': 'off',
    'eslint/no-shadow': 'off',
    'unicorn/no-array-sort': 'off',
    'unicorn/no-array-reverse': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'import/no-cycle': 'error',
    'typescript/consistent-return': 'off',
  },
  overrides: [
    ...Object.keys(rooms)
      .filter((room) => room !== 'src/adapters')
      .map((room) => arrowsOf(room)),
    ...adapters.map((name) => arrowsOf('src/adapters', name)),
    {
      files: ['**/*.test.ts'],
      rules: { 'no-restricted-imports': 'off', 'typescript/unbound-method': 'off' },
    },
  ],
});

/** The rule of one room. Of the adapters each has its own, which refuses the other ones too. */
function arrowsOf(room: string, adapter?: string): Override {
  const allowed = rooms[room] ?? [];
  const message = `${room} may import ${allowed === 'everything' ? `everything but ${outside.join(', ')}` : ['nothing of ours', ...allowed].slice(allowed.length > 0 ? 1 : 0).join(', ')} (rooms.ts)`;
  const patterns = forbiddenTo(room).map((other) => ({ regex: into(room, other), message }));
  if (adapter !== undefined) {
    const others = adapters.filter((name) => name !== adapter).join('|');
    patterns.push({ regex: `^(\\.\\./)+(${others})/`, message: 'one adapter does not know another (rooms.ts)' });
  }
  return {
    files: [`${adapter === undefined ? room : `${room}/${adapter}`}/**/*.ts`],
    rules: { 'no-restricted-imports': patterns.length === 0 ? 'off' : ['error', { patterns }] },
  };
}

function forbiddenTo(room: string): string[] {
  const allowed = rooms[room];
  return Object.keys(rooms).filter((other) => {
    if (other === room || outside.includes(room)) return false;
    return allowed === 'everything' ? outside.includes(other) : allowed?.includes(other) !== true;
  });
}

/** A relative import of one room by another, however deep the importing file lies: within src the climb ends at src, else at the root. */
function into(from: string, to: string): string {
  const path = from.startsWith('src/') && to.startsWith('src/') ? to.slice('src/'.length) : to;
  return `^(\\.\\./)+${path}/`;
}
