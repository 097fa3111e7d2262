import { expect, test } from 'vitest';
import { cliReference } from './cli-reference.ts';
import { commands } from './commands/index.ts';

test('docs/cli.md says what the commands declare (else: npm run docs:cli)', async () => {
  await expect(cliReference(commands)).toMatchFileSnapshot('../../docs/cli.md');
});
