import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { configSchema } from '../model/config.ts';
import { openPlatform } from './open.ts';

function environment(platform: { kind: 'sandbox' } | { kind: 'kubernetes'; namespace: string }) {
  const [config] = Object.values(configSchema.parse({ name: 'x', environments: { some: { platform } } }).environments);
  if (config === undefined) throw new TypeError('the configuration lost its environment');
  return config;
}

test('an environment of the sandbox that is not up is refused with the command that brings it up', async () => {
  const home = mkdtempSync(join(tmpdir(), 'cardea-open-'));
  const before = process.env['CARDEA_HOME'];
  process.env['CARDEA_HOME'] = home;
  onTestFinished(() => {
    rmSync(home, { recursive: true });
    if (before === undefined) delete process.env['CARDEA_HOME'];
    else process.env['CARDEA_HOME'] = before;
  });
  await expect(openPlatform(environment({ kind: 'sandbox' }), 'some')).rejects.toMatchObject({
    kind: 'refused',
    code: 'not-up',
    next: expect.stringContaining('cardea sandbox up some'),
  });
});

test('an environment on Kubernetes is refused honestly', async () => {
  const opened = openPlatform(environment({ kind: 'kubernetes', namespace: 'ns' }), 'some');
  await expect(opened).rejects.toMatchObject({ kind: 'refused', code: 'not-available' });
});
