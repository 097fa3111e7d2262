import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from './load-config.ts';

test("a relative path of the bucket begins at the configuration's folder, wherever the command is typed", async () => {
  const root = mkdtempSync(join(tmpdir(), 'cardea-config-'));
  try {
    const deeper = join(root, 'deeper');
    mkdirSync(deeper);
    writeFileSync(
      join(root, 'cardea.config.ts'),
      `export default {
        name: 'bank',
        environments: {
          dev: { platform: { kind: 'sandbox' }, backup: { store: { kind: 'directory', path: './buckets/dev' } } },
          test: { platform: { kind: 'sandbox' }, backup: { store: { kind: 'directory', path: '/srv/test' } } },
          prod: { platform: { kind: 'sandbox' } },
        },
      };`,
    );
    const { config } = await loadConfig(undefined, deeper);
    const stores = Object.values(config.environments).map(({ backup }) => backup.store);
    expect(stores).toEqual([
      { kind: 'directory', path: join(root, 'buckets/dev') },
      { kind: 'directory', path: '/srv/test' },
      { kind: 'directory' },
    ]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
