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
      happened: `"${name}" is not a valid name for a platform.`,
      state: 'Nothing was written.',
      next: 'Use lower-case letters, digits and dashes, beginning with a letter: `cardea init --name janusgraph-banking`.',
    });
  }
  const text = firstConfig(name);
  if (input.print) return { json: { name, text }, text: text.trimEnd() };
  const file = resolve(context.flags.config ?? 'cardea.config.ts');
  await writeFile(file, text, { flag: 'wx' }).catch((cause: unknown) => {
    const exists = errorCode(cause) === 'EEXIST';
    throw new RefusedProblem({
      code: exists ? 'config-exists' : 'config-not-written',
      happened: exists ? `${file} already exists.` : `${file} cannot be written: ${(cause as Error).message}`,
      state: exists ? 'The file was not changed.' : 'Nothing was written.',
      next: exists
        ? 'See its settings with `cardea config`.'
        : 'Make the folder writable, or choose another file with --config.',
      cause,
    });
  });
  return {
    json: { name, file },
    text: `Wrote ${file}. Next: \`cardea config\` shows its settings, \`cardea sandbox up local\` starts the environment.`,
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
