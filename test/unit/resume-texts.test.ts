import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/**
 * Whether a run can be carried on is known to the engine alone (src/runbook/outcome.ts), which says so at the end of what a problem names. A step,
 * an agent or an adapter says what to mend; of a run that has ended `resume` would not be true.
 */
test('no problem of a step, an agent or an adapter tells people to resume the run', () => {
  const root = join(import.meta.dirname, '../../src');
  const rooms = ['adapters', 'node', 'graph', 'host', 'platforms', 'runbooks'];
  const said = rooms
    .flatMap((room) => globSync(`${room}/**/*.ts`, { cwd: root }))
    .filter((file) => !file.endsWith('.test.ts'))
    .flatMap((file) =>
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .filter((line) => /^\s*(next|state|happened):.*\bresume the run\b/.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
  expect(said).toEqual([]);
});
