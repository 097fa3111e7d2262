import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../adapters/system/clock.ts';
import { systemIds } from '../adapters/system/ids.ts';
import type { EnvironmentConfig } from '../model/config.ts';
import { UsageProblem } from '../model/problem.ts';
import type { Platform } from '../ports/platform.ts';
import type { CliContext } from './context.ts';
import type { LoadedConfig } from './configuration/load-config.ts';
import { suggestion } from './nearest.ts';

type Given = Pick<CliContext, 'flags' | 'output' | 'interrupt' | 'actor' | 'version'>;

/** The context of one command, and its end, which closes everything that the command opened, in reverse order. */
export function cliContext(given: Given): { readonly context: CliContext; readonly end: () => Promise<void> } {
  const endings: Array<() => Promise<void>> = [];
  const platforms = new Map<string, Promise<Platform>>();
  let config: Promise<LoadedConfig> | undefined;
  const context: CliContext = {
    ...given,
    signal: given.interrupt.signal,
    clock: systemClock,
    ids: systemIds,
    config() {
      config ??= import('./configuration/load-config.ts').then(async ({ loadConfig }) =>
        loadConfig(given.flags.config, process.cwd()),
      );
      return config;
    },
    async environment(name) {
      const loaded = await context.config();
      const environment = environmentOf(loaded, name);
      const operatorKeys = Object.values(loaded.config.operatorKeys);
      return { name, config: environment, auditKey: auditKeyOf(name, environment), operatorKeys };
    },
    platform(name) {
      const opened = platforms.get(name) ?? openPlatformOf(context, name);
      platforms.set(name, opened);
      return opened;
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

/**
 * `local`, or `local~look` for the copy `look` of it. A copy can be read, but has no runs of its own, because it shares
 * the bucket of its environment. So `environment()`, which begins every run, does not accept its name.
 */
async function openPlatformOf(context: CliContext, name: string): Promise<Platform> {
  const [live = name, copy] = name.split('~');
  const { config } = await context.environment(live);
  const { openPlatform } = await import('../platforms/open.ts');
  const { config: all } = await context.config();
  const platform = await openPlatform(config, live, all.name);
  context.onEnd(() => platform.close());
  if (copy === undefined) return platform;
  const opened = await platform.copies.open(copy);
  if (opened !== undefined) {
    context.onEnd(() => opened.close());
    return opened;
  }
  const copies = (await platform.copies.list()).map((each) => `${live}~${each}`);
  throw new UsageProblem({
    code: 'unknown-copy',
    happened: `There is no copy "${copy}" of ${live}.`,
    state: 'Nothing was started.',
    next:
      copies.length === 0
        ? `Make it: cardea restore ${live} --into ${copy}.`
        : `Name another one; ${suggestion(name, copies)}.`,
  });
}

function environmentOf({ config, file }: LoadedConfig, name: string): EnvironmentConfig {
  const known = Object.entries(config.environments);
  const found = known.find(([each]) => each === name);
  if (found !== undefined) return found[1];
  const names = known.map(([each]) => each);
  throw new UsageProblem({
    code: 'unknown-environment',
    happened: `There is no environment "${name}" in ${file}.`,
    state: 'Nothing was started.',
    next: `Name another one; ${suggestion(name, names)}.`,
  });
}

/**
 * An environment of the sandbox has a key of its own in its folder (not in its bucket), so that it comes and goes with it; any other
 * environment's chain is signed with this person's key.
 */
function auditKeyOf(name: string, environment: EnvironmentConfig): string {
  const home = process.env['CARDEA_HOME'];
  return environment.platform.kind === 'sandbox'
    ? join(home ?? join(import.meta.dirname, '../../.cardea'), name, 'keys', 'audit.key')
    : join(home ?? join(homedir(), '.config', 'cardea'), 'keys', 'audit.key');
}
