import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { findPoint, listPoints } from '../../src/runbooks/catalog/point-catalog.ts';
import { beginRun, type LiveRun, reached, stateOf } from '../support/disturbance.ts';
import { loadSample, sandboxUp, snapshotsOf, type TestSandbox } from '../support/sandbox.ts';

/** A store that fills up in the midst of an upload: a small file system of its own, which only root can mount. */
const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)('B2 B6: the store fills up during an upload', () => {
  const mount = mkdtempSync(join(tmpdir(), 'cardea-full-'));
  let sandbox: TestSandbox;
  let live: LiveRun;

  beforeAll(async () => {
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', mount]);
    sandbox = await sandboxUp(1, mount);
    await loadSample(sandbox.platform, 'full-store');
  });

  afterAll(async () => {
    await sandbox?.down();
    await execa('umount', [mount]);
    rmSync(mount, { recursive: true });
  });

  test('the backup ends with an error that names the room, and no point is called done', async () => {
    live = await beginRun(sandbox, ['backup', 'local', '--quiesced']);
    await reached(sandbox, live, 'step-started upload');
    fill(96 * 1024);
    const { exitCode, json, stdout } = await live.ended;
    expect(exitCode).toBe(1);
    expect(json).toMatchObject({ ok: false, problem: { next: expect.any(String) } });
    expect(stdout).toMatch(/no room|no space|store-full/i);
    expect((await listPoints(sandbox.platform.bucket)).filter(({ proof }) => proof !== 'failed')).toEqual([]);
  });

  test('with room again, the run goes on or the next backup works, and nothing of the broken one is left', async () => {
    rmSync(join(mount, 'filler'));
    const { status } = await stateOf(sandbox, live.run);
    if (status === 'running') {
      const resumed = await sandbox.cardea('run', 'resume', live.run, '--env', 'local');
      expect([0, 1]).toContain(resumed.exitCode);
    }
    const { point } = await sandbox.answer(z.object({ point: z.string() }), 'backup', 'local', '--quiesced');
    expect(await findPoint(sandbox.platform.bucket, point)).toMatchObject({ proof: 'checked' });
    expect(snapshotsOf(await sandbox.status(), '*')).toEqual([]);
    await sandbox.answer(z.unknown(), 'audit', 'local');
  });

  test('B2: a backup that would not fit into the store is refused before it begins', async () => {
    fill(96 * 1024);
    const refused = await sandbox.cardea('backup', 'local', '--quiesced', '--mode', 'full');
    expect(refused).toMatchObject({ exitCode: 3, json: { problem: { code: 'disk-too-small' } } });
    expect(JSON.stringify(refused.json)).toContain('the store');
    rmSync(join(mount, 'filler'));
  });

  /** Leaves about so many bytes free. */
  function fill(left: number): void {
    const { bavail, bsize } = statfsSync(mount);
    writeFileSync(join(mount, 'filler'), Buffer.alloc(Math.max(0, bavail * bsize - left)));
  }
});
