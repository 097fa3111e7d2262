import { faultMessage } from '../../model/fault-message.ts';
import { access } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Config, configSchema } from '../../model/config.ts';
import { UsageProblem } from '../../model/problem.ts';
import { configMistakes, mistakeText } from './config-mistakes.ts';

export interface LoadedConfig {
  /** The file it came from, absolute. */
  readonly file: string;
  /** Its folder: relative paths in it start here. */
  readonly directory: string;
  readonly config: Config;
}

const fileName = 'cardea.config.ts';
const checkout = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Reads the configuration: `named` (the --config flag), else the nearest cardea.config.ts from `from` upward, else the sample of this
 * checkout. Throws UsageProblem `no-config`, `config-unreadable` or `config-wrong`, the last with every mistake by name.
 */
export async function loadConfig(named: string | undefined, from: string): Promise<LoadedConfig> {
  const file = named === undefined ? await findConfig(from) : resolve(from, named);
  if (!(await exists(file))) {
    throw new UsageProblem({
      code: 'no-config',
      happened: `There is no configuration file ${file}.`,
      state: 'Nothing was started.',
      next: 'Check the path after --config, or write a first file with `cardea init`.',
    });
  }
  const written = await readModule(file);
  const mistakes = configMistakes(written);
  if (mistakes.length > 0) {
    throw new UsageProblem({
      code: 'config-wrong',
      happened: `${file} has ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}.`,
      state: 'Nothing was started.',
      next: 'Correct each line listed above; `cardea config --schema` prints what a configuration may hold.',
      details: mistakes.map(mistakeText),
    });
  }
  const directory = dirname(file);
  return { file, directory, config: withWholePaths(configSchema.parse(written), directory) };
}

/** A path of the file means the same wherever the command is typed: it begins at the file's own folder. */
function withWholePaths(config: Config, directory: string): Config {
  const environments = Object.entries(config.environments).map(([name, environment]) => {
    const { store } = environment.backup;
    if (store.kind !== 'directory' || store.path === undefined) return [name, environment] as const;
    const whole = { ...store, path: resolve(directory, store.path) };
    return [name, { ...environment, backup: { ...environment.backup, store: whole } }] as const;
  });
  return { ...config, environments: Object.fromEntries(environments) };
}

async function findConfig(from: string): Promise<string> {
  for (let directory = resolve(from); ; directory = dirname(directory)) {
    const candidate = join(directory, fileName);
    if (await exists(candidate)) return candidate;
    if (directory === dirname(directory)) return join(checkout, 'platform', fileName);
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

async function readModule(file: string): Promise<unknown> {
  knowCardea();
  let module: unknown;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (cause) {
    throw unreadable(file, faultMessage(cause), cause);
  }
  const written: unknown = (module as { readonly default?: unknown }).default;
  if (written === undefined)
    throw unreadable(file, 'it has no default export; write `export default defineConfig({ … })`');
  return written;
}

let known = false;

/** `import { defineConfig } from 'cardea'` works from any folder: a user's repository need not install Cardea to describe itself. */
function knowCardea(): void {
  if (known) return;
  known = true;
  const own = new URL('../../model/config.ts', import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'cardea' ? { url: own, shortCircuit: true } : next(specifier, context),
  });
}

function unreadable(file: string, why: string, cause?: unknown): UsageProblem {
  return new UsageProblem({
    code: 'config-unreadable',
    happened: `${file} cannot be read: ${why}`,
    state: 'Nothing was started.',
    next: 'Correct the file; `cardea init --print` shows a small valid one.',
    cause,
  });
}
