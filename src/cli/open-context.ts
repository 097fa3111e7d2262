import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../adapters/system/clock.ts';
import { systemIds } from '../adapters/system/ids.ts';
import type { Config } from '../model/config.ts';
import { UsageProblem } from '../model/problem.ts';
import type { CliContext, NamedEnvironment } from './context.ts';
import type { LoadedConfig } from './load-config.ts';
import { suggestion } from './nearest.ts';

type Given = Pick<CliContext, 'flags' | 'output' | 'interrupt' | 'actor' | 'version'>;

/** The context of one command, and the end of it: closes, in reverse order, whatever the command opened. */
export function cliContext(given: Given): { readonly context: CliContext; readonly end: () => Promise<void> } {
  const endings: Array<() => Promise<void>> = [];
  let config: Promise<LoadedConfig> | undefined;
  const context: CliContext = {
    ...given,
    signal: given.interrupt.signal,
    clock: systemClock,
    ids: systemIds,
    home: process.env['CARDEA_HOME'] ?? join(homedir(), '.config', 'cardea'),
    config() {
      config ??= import('./load-config.ts').then(async ({ loadConfig }) =>
        loadConfig(given.flags.config, process.cwd()),
      );
      return config;
    },
    async environment(name) {
      const loaded = await context.config();
      return namedEnvironment(loaded.config, name, loaded.file);
    },
    onEnd: (work) => void endings.push(work),
  };
  return {
    context,
    async end() {
      for (const ending of endings.splice(0).reverse()) await ending();
    },
  };
}

function namedEnvironment(config: Config, name: string, file: string): NamedEnvironment {
  const known = Object.entries(config.environments);
  const found = known.find(([each]) => each === name);
  if (found !== undefined) return { name, config: found[1] };
  throw new UsageProblem({
    code: 'unknown-environment',
    happened: `There is no environment "${name}" in ${file}.`,
    state: 'Nothing was started.',
    next: `Name another one; ${suggestion(
      name,
      known.map(([each]) => each),
    )}.`,
  });
}
