import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DirectoryStore } from '../../src/adapters/directory/directory-store.ts';
import { fileAuditTrust } from '../../src/adapters/system/audit-key.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { systemProcesses } from '../../src/adapters/system/processes.ts';
import { verifyAudit } from '../../src/journal/audit.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';

const program = new URL('../support/three-step-run.ts', import.meta.url).pathname;

async function carriedOut(folder: string, fault: string): Promise<{ signal: string | null; text: string }> {
  const child = spawn(process.execPath, [program, folder], {
    env: { ...process.env, CARDEA_FAULT: fault },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'close') as Promise<[number | null, string | null]>;
  const text = Buffer.concat(await Array.fromAsync(child.stdout as AsyncIterable<Buffer>)).toString();
  return { signal: (await exit)[1], text };
}

test('a process killed with SIGKILL after every event it writes resumes each time at once, does nothing twice, and leaves a clean audit', {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cardea-killed-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  // Of a resume the first event says that it resumed: the second is the start of a step, the third the step's success, until the run's end.
  for (const event of [1, 1, 2, 3, 2, 3, 2, 3, 2]) {
    expect(await carriedOut(folder, `kill-after-event:${event}`)).toMatchObject({ signal: 'SIGKILL', text: '' });
  }
  const last = await carriedOut(folder, '');
  const outcome = JSON.parse(last.text) as { run: string; status: string; results: unknown };
  expect(outcome).toMatchObject({
    status: 'succeeded',
    results: { a: { step: 'a' }, b: { step: 'b' }, c: { step: 'c' } },
  });
  const store = new DirectoryStore(join(folder, 'bucket'));
  const { events } = await readJournal(store, outcome.run);
  const finished = events.flatMap(({ event }) => (event.type === 'step-succeeded' ? [event.step] : []));
  expect(finished).toEqual(['a', 'b', 'c']);
  // A step may be done again only when its process was killed before its success was durable.
  const started = events.flatMap(({ event }) => (event.type === 'step-started' ? [event.step] : []));
  const doneLines = (await readFile(join(folder, 'done'), 'utf8')).trim().split('\n');
  expect(doneLines.length).toBeLessThanOrEqual(started.length);
  expect(doneLines.toSorted().join('')).toMatch(/^a+b+c+$/);
  const world = { store, clock: systemClock, processes: systemProcesses() };
  expect(await verifyAudit(world, await fileAuditTrust(join(folder, 'key'), 'local'))).toMatchObject({
    ok: true,
    signatures: true,
    end: true,
  });
});
