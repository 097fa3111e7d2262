import { execa } from 'execa';
import { expect, test } from 'vitest';
import { labPart } from './parts.ts';
import { builtTool } from './tools.ts';

test.each([
  ['kubeconform', ['-v']],
  ['helm', ['version', '--short']],
] as const)(
  '%s is built without a lab, and says the version that is pinned',
  async (tool, args) => {
    const program = await builtTool(tool, { progress: () => undefined, signal: AbortSignal.timeout(1_200_000) });
    const { stdout } = await execa(program, args);
    expect(stdout).toContain(labPart(tool).version);
  },
  1_300_000,
);
