import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import type { RunEvent, RunEventBody } from './event.ts';
import { sha256 } from '../model/sha256.ts';
import { eventKey, noHash } from './event-file.ts';
import { openJournal, type JournalOptions } from './journal.ts';
import { readJournal, type JournalHead } from './journal-reader.ts';

const run = 'backup-20260219-020000-aaaa';
const empty: JournalHead = { sequence: 0, hash: noHash };
const actor = { name: 'dana', via: 'cli', host: 'here' } as const;
const holder = { host: 'here', machine: 'm', pid: 1, started: '1' };
const skipped = (step: string): RunEventBody => ({ type: 'step-skipped', step, reason: 'not needed' });
const cancel: RunEventBody = { type: 'cancel-requested', actor };

function opened(options: Partial<JournalOptions> = {}) {
  const store = (options.store ?? new MemoryStore()) as MemoryStore;
  const clock = (options.clock ?? new FakeClock()) as FakeClock;
  const seen: RunEvent[] = [];
  const journal = openJournal({
    run,
    epoch: 1,
    head: empty,
    observe: (event) => void seen.push(event),
    ...options,
    store,
    clock,
  });
  return {
    store,
    clock,
    seen,
    journal,
    said: () => seen.map(({ event }) => ('step' in event ? event.step : event.type)),
  };
}

test('events are numbered files, each carrying the hash of the bytes before', async () => {
  const { store, journal } = opened();
  for (const step of ['a', 'b', 'c']) await journal.append(skipped(step));
  const { events, head } = await readJournal(store, run);
  expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  expect(events.map(({ previous }) => previous)).toEqual([
    noHash,
    sha256(store.text(eventKey(run, 1))),
    sha256(store.text(eventKey(run, 2))),
  ]);
  expect(head).toEqual(journal.head);
});

test('appends made at once are carried out in the order they were made', async () => {
  const { journal, said } = opened();
  await Promise.all(['a', 'b', 'c', 'd'].map((step) => journal.append(skipped(step))));
  expect(said()).toEqual(['a', 'b', 'c', 'd']);
});

test('a writer that lost a race goes after the event that won, and observes it', async () => {
  const owner = opened();
  await owner.journal.append(skipped('a'));
  const asker = opened({ store: owner.store, head: owner.journal.head, owns: false });
  await asker.journal.append(cancel);
  await owner.journal.append(skipped('b'));
  expect(owner.said()).toEqual(['a', 'cancel-requested', 'b']);
  expect((await readJournal(owner.store, run)).events.length).toBe(3);
});

test('refresh observes a request to cancel', async () => {
  const owner = opened();
  await owner.journal.append(skipped('a'));
  await opened({ store: owner.store, head: owner.journal.head, owns: false }).journal.append(cancel);
  await owner.journal.refresh();
  expect(owner.said()).toEqual(['a', 'cancel-requested']);
});

test('a writer is fenced by an event of a higher epoch, or of its own that it did not write, and writes nothing more', async () => {
  for (const epoch of [1, 2]) {
    const owner = opened();
    await owner.journal.append(skipped('a'));
    const next = opened({ store: owner.store, head: owner.journal.head, epoch });
    await next.journal.append({ type: 'run-resumed', actor, holder });
    await expect(owner.journal.append(skipped('late'))).rejects.toMatchObject({ code: 'fenced', kind: 'failed' });
    await next.journal.append(skipped('b'));
    await expect(owner.journal.append(skipped('later'))).rejects.toMatchObject({ code: 'fenced' });
    expect((await readJournal(owner.store, run)).events.length).toBe(3);
  }
});

test('the event of a holder that is already fenced elsewhere is kept, and the newer one goes after it', async () => {
  const owner = opened();
  await owner.journal.append(skipped('a'));
  const next = opened({ store: owner.store, head: owner.journal.head, epoch: 2 });
  await owner.journal.append(skipped('b'));
  await next.journal.append({ type: 'run-resumed', actor, holder });
  expect(next.said()).toEqual(['b', 'run-resumed']);
});

test('a put whose answer was lost counts once', async () => {
  const { store, journal, clock, said } = opened();
  store.loseAnswerOf = /000001/;
  const appended = journal.append(skipped('a'));
  await clock.advance(10_000);
  expect((await appended).sequence).toBe(1);
  await journal.append(skipped('b'));
  expect(said()).toEqual(['a', 'b']);
});

test('a store that stays out of reach is given up after half a minute', async () => {
  const { store, journal, clock } = opened();
  store.unreachable = true;
  const appended = journal.append(skipped('a')).catch((error: unknown) => error);
  await clock.advance(60_000);
  expect(await appended).toMatchObject({ code: 'store-unreachable' });
});

test('the guard is asked before every write', async () => {
  let allowed = true;
  const { store, journal } = opened({
    guard: async () => {
      if (!allowed) throw new DOMException('no', 'AbortError');
    },
  });
  await journal.append(skipped('a'));
  allowed = false;
  await expect(journal.append(skipped('b'))).rejects.toThrow('no');
  expect(store.objects.size).toBe(1);
});

test('an unknown run is named as such', async () => {
  await expect(readJournal(new MemoryStore(), run)).rejects.toMatchObject({ code: 'unknown-run', kind: 'usage' });
});

test('an edited, a missing, a swapped and an unreadable event are each refused by name', async () => {
  const damages: readonly (readonly [RegExp, (store: MemoryStore) => void])[] = [
    [
      /event 2 was edited/,
      (store) => store.set(eventKey(run, 2), store.text(eventKey(run, 2)).replace('not needed', 'needed')),
    ],
    [/event 2 is missing/, (store) => store.remove(eventKey(run, 2))],
    [/event 1 is missing/, (store) => store.remove(eventKey(run, 1))],
    [
      /event 2 .* was replaced: the file says that it is event 3/,
      (store) => store.set(eventKey(run, 2), store.text(eventKey(run, 3))),
    ],
    [/event 3 cannot be read: .*not JSON/, (store) => store.set(eventKey(run, 3), 'gone')],
    [
      /event 3 cannot be read: .*version is 7/,
      (store) => store.set(eventKey(run, 3), store.text(eventKey(run, 3)).replace('"version": 1', '"version": 7')),
    ],
  ];
  for (const [message, damage] of damages) {
    const { store, journal } = opened();
    for (const step of ['a', 'b', 'c']) await journal.append(skipped(step));
    damage(store);
    await expect(readJournal(store, run)).rejects.toMatchObject({
      code: 'journal-damaged',
      kind: 'refused',
      happened: expect.stringMatching(message),
    });
  }
});

test('however two writers of one epoch interleave, the journal stays one unbroken chain', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), async (turns) => {
      const owner = opened();
      const asker = opened({ store: owner.store, owns: false });
      await Promise.all(
        turns.map((mine) => (mine ? owner.journal.append(skipped('a')) : asker.journal.append(cancel))),
      );
      expect((await readJournal(owner.store, run)).events.length).toBe(turns.length);
    }),
  );
});
