import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import { rememberSecret } from '../model/secrets.ts';
import { openStepLogs, readStepLog } from './step-log.ts';

test('F1: no line of a step carries a secret that this process has read', async () => {
  const world = { store: new MemoryStore(), clock: new FakeClock(), run: 'backup-1' };
  const log = openStepLogs(world).of('upload');
  rememberSecret('planted-key-of-the-store');
  log.line('the store said planted-key-of-the-store');
  await log.flush();
  expect(await readStepLog(world.store, world.run, 'upload')).toBe(
    '2026-02-19T02:00:00.000Z the store said (secret)\n',
  );
});
