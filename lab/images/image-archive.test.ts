import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { writeImageArchive } from './image-archive.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'cardea-image-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

test('the same files make the same image, byte for byte', async () => {
  const at = folder();
  const program = join(at, 'program');
  writeFileSync(program, 'a program', { mode: 0o755 });
  const image = {
    name: 'docker.io/cardea/x:1',
    files: { 'bin/x': program, 'bin/y': program },
    entrypoint: ['/bin/x'],
    user: '65535',
  };
  await writeImageArchive(image, join(at, 'one.tar'));
  await writeImageArchive(image, join(at, 'two.tar'));
  expect(readFileSync(join(at, 'one.tar')).equals(readFileSync(join(at, 'two.tar')))).toBe(true);
});

test('an image holds its program, once, under every name it goes by, and runs it as the user asked for', async () => {
  const at = folder();
  const program = join(at, 'program');
  writeFileSync(program, 'a program'.repeat(10_000), { mode: 0o755 });
  const image = {
    name: 'docker.io/cardea/x:1',
    files: { 'bin/x': program, 'bin/y': program },
    entrypoint: ['/bin/x'],
    user: '65535',
  };
  await writeImageArchive(image, join(at, 'image.tar'));
  await execa('tar', ['--extract', `--file=${join(at, 'image.tar')}`, `--directory=${at}`]);
  const [manifest] = JSON.parse(readFileSync(join(at, 'manifest.json'), 'utf8'));
  expect(manifest.RepoTags).toEqual([image.name]);
  const { config } = JSON.parse(readFileSync(join(at, manifest.Config), 'utf8'));
  expect(config).toMatchObject({ Entrypoint: ['/bin/x'], User: '65535' });
  const { stdout } = await execa('tar', ['--list', '--verbose', `--file=${join(at, 'layer.tar')}`]);
  expect(stdout).toMatch(/-rwxr-xr-x 0\/0 +90000 .* \.\/bin\/x$/m);
  expect(stdout).toMatch(/\.\/bin\/y link to \.\/bin\/x$/m);
});
