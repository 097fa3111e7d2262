import { writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { errorCode } from '../../../model/error-code.ts';
import { RefusedProblem, UsageProblem } from '../../../model/problem.ts';
import type { Action } from '../../command.ts';
import type { init } from './declaration.ts';

export const action: Action<typeof init> = async (context, input) => {
  const name = input.name ?? nameFrom(basename(process.cwd()));
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw new UsageProblem({
      code: 'bad-name',
      happened: `"${name}" cannot name a platform.`,
      state: 'Nothing was written.',
      next: 'Use lower-case letters, digits and dashes, a letter first: `cardea init --name janusgraph-banking`.',
    });
  }
  const text = firstConfig(name);
  if (input.print) return { json: { name, text }, text: text.trimEnd() };
  const file = resolve(context.flags.config ?? 'cardea.config.ts');
  await writeFile(file, text, { flag: 'wx' }).catch((cause: unknown) => {
    const exists = errorCode(cause) === 'EEXIST';
    throw new RefusedProblem({
      code: exists ? 'config-exists' : 'config-not-written',
      happened: exists ? `${file} exists already.` : `${file} cannot be written: ${(cause as Error).message}`,
      state: exists ? 'It was left as it is.' : 'Nothing was written.',
      next: exists
        ? 'See what it means with `cardea config`.'
        : 'Make the folder writable or choose another with --config.',
      cause,
    });
  });
  return {
    json: { name, file },
    text: `Wrote ${file}. Next: \`cardea config\` shows what it means, \`cardea sandbox up local\` starts it.`,
  };
};

/** The shortest configuration that works. */
function firstConfig(name: string): string {
  return `import { defineConfig } from 'cardea';

export default defineConfig({
  name: '${name}',
  environments: {
    // Processes on this machine; an environment on a cluster has { kind: 'kubernetes', namespace: '…' }.
    local: { platform: { kind: 'sandbox' } },
  },
});
`;
}

function nameFrom(folder: string): string {
  const name = folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '');
  return name === '' ? 'janusgraph' : name;
}
