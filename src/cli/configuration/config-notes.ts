import { type Config, unusedSettings } from '../../model/config.ts';

/**
 * Of a valid configuration what its writer may take for a protection and is none: one line each, beginning with the setting. `only` names
 * the one environment that is asked about. Pure.
 */
export function configWarnings(config: Config, only?: string): readonly string[] {
  return Object.entries(config.environments)
    .filter(([name]) => only === undefined || name === only)
    .flatMap(([name, { approval, backup }]) => [
      ...(approval?.required === true
        ? [
            `environments.${name}.approval.required: this version asks nobody; whoever may run Cardea can change ${name} without approval`,
          ]
        : []),
      ...(backup.store.kind === 's3' && isOpenToRead(backup.store.endpoint)
        ? [
            `environments.${name}.backup.store.endpoint: over http:// backups and the log travel unencrypted, and nobody proves to be the store; use https://`,
          ]
        : []),
    ]);
}

/**
 * The settings that this version does not use and that `value` holds, written by hand or by default. `prefix` is where `value` stands in
 * the configuration, `environments.*.` for one environment; the paths begin there. Pure.
 */
export function unusedIn(value: object, prefix: '' | 'environments.*.'): readonly string[] {
  return unusedSettings
    .filter((path) => path.startsWith(prefix))
    .map((path) => path.slice(prefix.length))
    .filter((path) => valuesAt(value, path.split('.')).some((each) => each !== undefined && !isEmptyObject(each)));
}

function valuesAt(value: unknown, [first, ...rest]: readonly string[]): readonly unknown[] {
  if (first === undefined) return [value];
  if (typeof value !== 'object' || value === null) return [];
  const here = first === '*' ? Object.values(value) : [(value as Record<string, unknown>)[first]];
  return here.flatMap((each) => valuesAt(each, rest));
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** On loopback nobody listens in but this machine. */
function isOpenToRead(endpoint: string | undefined): boolean {
  if (endpoint === undefined) return false;
  const { protocol, hostname } = new URL(endpoint);
  return protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
