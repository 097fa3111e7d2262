import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { configSchema, unusedSettings } from '../../model/config.ts';
import { configWarnings, unusedIn } from './config-notes.ts';

const source = join(import.meta.dirname, '../..');

/** Text of every file of the program but those that only describe, check or show the configuration. */
const sources = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .filter((file) => !/^(model\/config|cli\/configuration\/.*|demo\/demo-config)\.ts$/.test(file))
  .map((file) => readFileSync(join(source, file), 'utf8'));

/** Every setting as a path, `*` for the name of an environment; a record of values is one setting. */
function settings(): readonly string[] {
  interface Node {
    readonly properties?: Readonly<Record<string, Node>>;
    readonly additionalProperties?: Node | boolean;
    readonly anyOf?: readonly Node[];
    readonly oneOf?: readonly Node[];
  }
  const below = (node: Node, path: readonly string[]): readonly string[] => {
    const branches = [...(node.anyOf ?? []), ...(node.oneOf ?? [])];
    if (branches.length > 0) return branches.flatMap((branch) => below(branch, path));
    if (node.properties !== undefined) {
      return Object.entries(node.properties).flatMap(([key, child]) => below(child, [...path, key]));
    }
    const values = node.additionalProperties;
    return typeof values === 'object' && values.properties !== undefined
      ? below(values, [...path, '*'])
      : [path.join('.')];
  };
  return [...new Set(below(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Node, []))];
}

/** Whether some file takes the setting's key out of what holds it: `objectives.rpo`, or `{ rpo } = … objectives`. */
function isRead(path: string): boolean {
  const keys = path.split('.').filter((key) => key !== '*');
  const key = keys.at(-1) ?? '';
  const holder = keys.at(-2) ?? '';
  const from = holder === 'environments' || holder === '' ? '(config|environment|value|loaded)' : holder;
  const byName = new RegExp(`\\b${from}\\??\\.${key}\\b`);
  const takenApart = new RegExp(`\\{[^{}]*\\b${key}\\b[^{}]*\\} = [^;\\n]*\\b${from}\\b`);
  return sources.some((text) => byName.test(text) || takenApart.test(text));
}

test('what is said to be unused is a setting, and nothing in the source reads it', () => {
  const all = settings();
  // The search finds what is read in either way.
  for (const path of ['objectives.rpo', 'backup.schedule', 'platform.heapMb', 'datacenter.racks']) {
    expect({ path, read: isRead(`environments.*.${path}`) }).toEqual({ path, read: true });
  }
  for (const path of unusedSettings) {
    expect(all.filter((each) => each === path || each.startsWith(`${path}.`))).not.toEqual([]);
    expect({ path, read: isRead(path) }).toEqual({ path, read: false });
  }
});

test('every other setting is named somewhere in the source', () => {
  const used = settings().filter(
    (path) => !unusedSettings.some((each) => path === each || path.startsWith(`${each}.`)),
  );
  expect(used).toContain('environments.*.backup.log.interval');
  const unnamed = used.filter((path) => {
    const word = new RegExp(`\\b${path.split('.').at(-1)}\\b`);
    return !sources.some((text) => word.test(text));
  });
  expect(unnamed).toEqual([]);
});

const s3 = (endpoint?: string) => ({
  kind: 's3',
  bucket: 'backups',
  ...(endpoint === undefined ? {} : { endpoint }),
});
const configOf = (environments: Readonly<Record<string, object>>) =>
  configSchema.parse({
    name: 'bank',
    environments: Object.fromEntries(
      Object.entries(environments).map(([name, rest]) => [name, { platform: { kind: 'sandbox' }, ...rest }]),
    ),
  });

test('an approval that nobody is asked for is warned of, and none that is not required', () => {
  const config = configOf({ prod: { approval: { required: true } }, dev: { approval: { required: false } } });
  expect(configWarnings(config)).toEqual([expect.stringMatching(/^environments\.prod\.approval\.required: /)]);
  expect(configWarnings(config, 'dev')).toEqual([]);
});

test('a store that is reached unencrypted is warned of, except on this machine', () => {
  const warned = (endpoint?: string) =>
    configWarnings(configOf({ dev: { backup: { store: s3(endpoint) } } })).map((line) => line.split(':')[0]);
  expect(warned('http://minio.storage.svc:9000')).toEqual(['environments.dev.backup.store.endpoint']);
  expect(warned('http://127.0.0.1.example.com')).toHaveLength(1);
  for (const endpoint of [
    undefined,
    'https://s3.example.com',
    'http://127.44.0.202:7070',
    'http://localhost:9000',
    'http://[::1]:9000',
  ]) {
    expect(warned(endpoint)).toEqual([]);
  }
});

test('unused settings are named where the configuration holds them, by hand or by default', () => {
  const config = configOf({ dev: {}, prod: { approval: { required: true } } });
  const objectives = ['rollback', 'deployment', 'pipeline', 'tests'].map((each) => `objectives.${each}`);
  expect(unusedIn(config, '')).toEqual([
    'environments.*.sync',
    'environments.*.approval',
    ...objectives.map((each) => `environments.*.${each}`),
  ]);
  expect(unusedIn(Object.values(config.environments)[0] ?? {}, 'environments.*.')).toEqual(['sync', ...objectives]);
});
