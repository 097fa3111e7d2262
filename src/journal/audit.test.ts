import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { memorySigner, testWorld, type TestWorld } from '../../test/support/engine-world.ts';
import { hanging, runbookOf, start } from '../../test/support/runbook-sketch.ts';
import { resumeRun } from '../runbook/engine.ts';
import { verifyAudit } from './audit.ts';
import { auditEntryDocument, auditKey } from './audit-chain.ts';
import { sha256 } from '../model/sha256.ts';
import { eventKey, noHash } from './event-file.ts';

const runbook = runbookOf([{ id: 'first' }, { id: 'second', needs: ['first'] }]);

/** Three finished runs of six events each. */
async function finishedRuns(): Promise<{ world: TestWorld; runs: readonly string[] }> {
  const world = testWorld();
  const runs: string[] = [];
  for (let count = 0; count < 3; count += 1) {
    runs.push((await start(world, runbook)).run);
    world.clock.leap(1000);
  }
  return { world, runs };
}

async function found(world: TestWorld, trusted = true): Promise<readonly string[]> {
  const { findings } = await verifyAudit(world, trusted ? world.signer.trust() : undefined);
  return findings.map(({ kind, where }) => `${kind} ${where}`);
}

function edit(world: TestWorld, key: string, from: string | RegExp, to: string): void {
  const text = world.store.text(key);
  expect(text).toMatch(from);
  world.store.set(key, text.replace(from, to));
}

test('F3: every run leaves its start and its end in the audit chain, and untouched ones are found intact', async () => {
  const { world, runs } = await finishedRuns();
  const report = await verifyAudit(world, world.signer.trust());
  expect(report).toMatchObject({
    ok: true,
    findings: [],
    entries: 6,
    runs: 3,
    events: 18,
    signatures: true,
    end: true,
  });
  const entries = [1, 2].map((sequence) => auditEntryDocument.read(world.store.text(auditKey(sequence)), 'entry'));
  expect(entries).toMatchObject([
    { what: 'started', run: runs[0], events: 1, actor: { name: 'dana' } },
    { what: 'ended', run: runs[0], events: 6, actor: { name: 'dana' } },
  ]);
});

test('F3: an edited event is named, be it the first, one in the middle or the last', async () => {
  for (const sequence of [1, 3, 6]) {
    const { world, runs } = await finishedRuns();
    const key = eventKey(runs[1] ?? '', sequence);
    edit(world, key, '"epoch": 2', '"epoch": 9');
    expect(await found(world)).toEqual([`event-edited ${key}`]);
  }
});

test('F3: a removed event is named, and a journal cut short says from where', async () => {
  const { world, runs } = await finishedRuns();
  const [first = '', second = ''] = runs;
  world.store.remove(eventKey(first, 3));
  for (const sequence of [5, 6]) world.store.remove(eventKey(second, sequence));
  expect(await found(world)).toEqual([`event-missing ${eventKey(first, 3)}`, `event-missing ${eventKey(second, 5)}`]);
});

test('F3: two events in each other’s place are named', async () => {
  const { world, runs } = await finishedRuns();
  const [a, b] = [eventKey(runs[0] ?? '', 2), eventKey(runs[0] ?? '', 4)];
  const [textA, textB] = [world.store.text(a), world.store.text(b)];
  world.store.set(a, textB);
  world.store.set(b, textA);
  expect(await found(world)).toEqual([`event-moved ${a}`, `event-moved ${b}`]);
});

test('F3: an event added after the end is named', async () => {
  const { world, runs } = await finishedRuns();
  const run = runs[0] ?? '';
  world.store.set(eventKey(run, 7), world.store.text(eventKey(run, 6)).replace('"sequence": 6', '"sequence": 7'));
  expect(await found(world)).toContain(`event-added ${eventKey(run, 7)}`);
});

test('F3: a run removed whole is named', async () => {
  const { world, runs } = await finishedRuns();
  for (let sequence = 1; sequence <= 6; sequence += 1) world.store.remove(eventKey(runs[1] ?? '', sequence));
  expect(await found(world)).toEqual([`run-removed runs/${runs[1]}/`]);
});

test('F3: edited, removed and foreign audit entries are named', async () => {
  const { world } = await finishedRuns();
  edit(world, auditKey(2), '"name": "dana"', '"name": "nobody"');
  world.store.remove(auditKey(4));
  const kinds = await found(world);
  expect(kinds).toContain(`entry-edited ${auditKey(2)}`);
  expect(kinds).toContain(`entry-missing ${auditKey(4)}`);

  const other = testWorld();
  await start({ ...other, signer: memorySigner() }, runbook);
  expect(await found(other)).toContain(`entry-unknown-key ${auditKey(1)}`);
});

test('F3: the end of the chain and its runs cut off together is found by the key holder’s record of the last head, and only by it', async () => {
  const { world, runs } = await finishedRuns();
  const run = runs[2] ?? '';
  for (let sequence = 1; sequence <= 6; sequence += 1) world.store.remove(eventKey(run, sequence));
  for (const sequence of [5, 6]) world.store.remove(auditKey(sequence));
  expect(await found(world)).toEqual([`chain-truncated ${auditKey(6)}`]);
  const { head: _head, ...keysOnly } = world.signer.trust();
  expect(await verifyAudit(world, keysOnly)).toMatchObject({ ok: true, end: false });
});

test('F3: a cut chain stays found after more runs were recorded on top of it', async () => {
  const { world } = await finishedRuns();
  for (const sequence of [5, 6]) world.store.remove(auditKey(sequence));
  await start(world.another(), runbook);
  expect(await found(world)).toContain(`chain-rewritten ${auditKey(6)}`);
});

test('F3: a journal rewritten whole, its hashes fitting again, differs from what was signed', async () => {
  const { world, runs } = await finishedRuns();
  const run = runs[0] ?? '';
  let previous = noHash;
  for (let sequence = 1; sequence <= 6; sequence += 1) {
    const key = eventKey(run, sequence);
    const text = world.store
      .text(key)
      .replace('"name": "dana"', '"name": "nobody"')
      .replace(/"previous": "\w+"/, `"previous": "${previous}"`);
    previous = sha256(text);
    world.store.set(key, text);
  }
  expect(await found(world)).toEqual([`event-edited ${eventKey(run, 1)}`, `event-edited ${eventKey(run, 6)}`]);
});

test('F3: a chain cut short leaves its runs unrecorded, which the public key alone finds', async () => {
  const { world, runs } = await finishedRuns();
  for (const sequence of [4, 5, 6]) world.store.remove(auditKey(sequence));
  const { head: _head, ...keysOnly } = world.signer.trust();
  const { findings } = await verifyAudit(world, keysOnly);
  expect(findings.map(({ kind, where }) => `${kind} ${where}`)).toEqual([
    `end-unrecorded ${eventKey(runs[1] ?? '', 6)}`,
    `run-unrecorded ${eventKey(runs[2] ?? '', 1)}`,
  ]);
});

test('F3: an earlier copy of the whole bucket put back is found by the record of the last head', async () => {
  const { world } = await finishedRuns();
  const earlier = new Map(world.store.objects);
  await start(world, runbook);
  restore(world, earlier);
  expect(await found(world)).toEqual([`chain-truncated ${auditKey(8)}`]);
});

test('without the key an edit is found by the hashes, but not a journal and a chain rewritten together', async () => {
  const { world, runs } = await finishedRuns();
  edit(world, eventKey(runs[0] ?? '', 3), '"epoch": 1', '"epoch": 9');
  expect(await found(world, false)).toEqual([`event-edited ${eventKey(runs[0] ?? '', 3)}`]);
  expect(await verifyAudit(world, undefined)).toMatchObject({ signatures: false, end: false });
});

test('runs under way and interrupted ones are told apart from tampered ones', async () => {
  const { world } = await finishedRuns();
  const { run, started } = hanging();
  const slow = runbookOf([{ id: 'slow', run }]);
  const going = start(world, slow);
  await started;
  const id = world.events.at(-1)?.run ?? '';
  expect(await verifyAudit(world, world.signer.trust())).toMatchObject({ ok: true, running: [id], interrupted: [] });
  world.processes.die();
  expect(await verifyAudit(world, world.signer.trust())).toMatchObject({ ok: true, running: [], interrupted: [id] });
  const second = resumeRun(world.another(), () => runbookOf([{ id: 'slow' }]), { run: id, services: undefined });
  expect((await second).status).toBe('succeeded');
  expect(await found(world)).toEqual([]);
  await world.clock.advance(40_000);
  expect((await going).status).toBe('interrupted');
});

test('a run whose last event was edited while it was interrupted is not resumed', async () => {
  const world = testWorld();
  const interrupt = new AbortController();
  const { run, started } = hanging();
  const slow = runbookOf([{ id: 'slow', run }]);
  const going = start(world, slow, { signal: interrupt.signal });
  await started;
  interrupt.abort();
  const left = await going;
  edit(world, eventKey(left.run, 2), '"attempt": 1', '"attempt": 7');
  await expect(resumeRun(world.another(), () => slow, { run: left.run, services: undefined })).rejects.toMatchObject({
    code: 'journal-damaged',
    happened: expect.stringContaining('event 2 was changed after audit entry 2 was signed'),
  });
});

test('F3: whatever is changed, moved or removed in finished runs and their chain, the audit finds it', {
  timeout: 60_000,
}, async () => {
  const { world } = await finishedRuns();
  const original = new Map(world.store.objects);
  const keys = [...original.keys()].filter((key) => /^(runs|audit)\//.test(key));
  const key = fc.constantFrom(...keys);
  const tampering = fc.oneof(
    fc.record({ how: fc.constant('remove' as const), key }),
    fc.record({ how: fc.constant('edit' as const), key, at: fc.nat(), to: fc.integer({ min: 32, max: 126 }) }),
    fc.record({ how: fc.constant('copy' as const), key, from: key }),
    fc.record({ how: fc.constant('cut' as const), key }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(tampering, { minLength: 1, maxLength: 4 }), async (acts) => {
      restore(world, original);
      for (const act of acts) {
        const bytes = Uint8Array.from(world.store.objects.get(act.key) ?? original.get(act.key) ?? []);
        if (act.how === 'remove') world.store.remove(act.key);
        else if (act.how === 'copy') world.store.set(act.key, original.get(act.from) ?? bytes);
        else if (act.how === 'edit') world.store.set(act.key, bytes.with(act.at % bytes.length, act.to));
        else cutFrom(world, act.key);
      }
      fc.pre(!isSame(world, original));
      expect((await verifyAudit(world, world.signer.trust())).ok).toBe(false);
    }),
    { numRuns: 200 },
  );
});

/** Removes the object and all that follow it in its folder. */
function cutFrom(world: TestWorld, key: string): void {
  const folder = key.slice(0, key.lastIndexOf('/') + 1);
  for (const each of world.store.objects.keys()) if (each.startsWith(folder) && each >= key) world.store.remove(each);
}

function restore(world: TestWorld, original: ReadonlyMap<string, Uint8Array>): void {
  for (const key of world.store.objects.keys()) if (!original.has(key)) world.store.remove(key);
  for (const [key, bytes] of original) world.store.set(key, bytes);
}

function isSame(world: TestWorld, original: ReadonlyMap<string, Uint8Array>): boolean {
  if (world.store.objects.size !== original.size) return false;
  return [...original].every(
    ([key, bytes]) => Buffer.compare(bytes, world.store.objects.get(key) ?? new Uint8Array()) === 0,
  );
}
