import { expect, test } from 'vitest';
import { memorySigner, saying, testWorld, type TestWorld } from '../../test/support/engine-world.ts';
import { hanging, type Sketch, runbookOf, start } from '../../test/support/runbook-sketch.ts';
import { auditTrail } from '../journal/audit-chain.ts';
import { type RunEvent, type RunEventBody, runEventDocument } from '../journal/event.ts';
import { eventKey } from '../journal/event-file.ts';
import { signEvent } from '../journal/event-signature.ts';
import { followingEvent, readJournal } from '../journal/journal-reader.ts';
import { replay } from '../journal/run-state.ts';
import { sha256 } from '../model/sha256.ts';
import type { Runbook } from './define.ts';
import { requestCancel, resumeRun } from './engine.ts';
import { planOf } from './plan.ts';

const forged = 'sketch-20260219-031500-evil';

/** What somebody who can write to the bucket appends to a journal; signed with a key of theirs when they have one. */
async function append(
  world: TestWorld,
  run: string,
  bodies: readonly RunEventBody[],
  { epoch = 1, signer }: { readonly epoch?: number; readonly signer?: ReturnType<typeof memorySigner> } = {},
): Promise<void> {
  const known = [...world.store.objects.keys()].some((key) => key.startsWith(`runs/${run}/0`));
  let { sequence, hash } = known ? (await readJournal(world.store, run)).head : { sequence: 0, hash: '0'.repeat(64) };
  for (const event of bodies) {
    sequence += 1;
    const at = world.clock.now().toISOString();
    const unsigned: RunEvent = { kind: 'run-event', version: 1, run, sequence, previous: hash, at, epoch, event };
    const text = runEventDocument.write(signEvent(unsigned, signer));
    world.store.set(eventKey(run, sequence), text);
    followingEvent(run, { key: eventKey(run, sequence), bytes: Buffer.from(text) }, { sequence: sequence - 1, hash });
    hash = sha256(text);
  }
}

function started(runbook: Runbook, confirmed: string | undefined = 'local'): RunEventBody {
  return {
    type: 'run-started',
    runbook: runbook.name,
    runbookVersion: runbook.version,
    environment: 'local',
    params: {},
    planHash: planOf(runbook, {}, 'local').hash,
    actor: { name: 'mallory', via: 'cli', host: 'elsewhere' },
    holder: { host: 'elsewhere', machine: 'elsewhere', pid: 1, started: '1' },
    leased: true,
    ...(confirmed === undefined ? {} : { confirmed }),
  };
}

const succeeded = (step: string): RunEventBody => ({ type: 'step-succeeded', step, result: {}, seconds: 1 });

/** Three steps, the second of which deletes; `done` are those that were carried out. */
function deleting(hang?: { current: Sketch['run'] | undefined }) {
  const done: string[] = [];
  const run: Sketch['run'] = async (context) => {
    const hanging = hang?.current;
    if (context.step === 'look' && hanging !== undefined) return hanging(context);
    done.push(context.step);
    return {};
  };
  const runbook = runbookOf([
    { id: 'look', effect: 'read', run },
    { id: 'delete', effect: 'destroy', needs: ['look'], run },
    { id: 'tidy', effect: 'write', needs: ['delete'], run },
  ]);
  return { done, runbook };
}

/** A run that was confirmed and then killed in its first step. */
async function killed(world: TestWorld) {
  const { run, started: begun } = hanging();
  const hang = { current: run as Sketch['run'] | undefined };
  const { done, runbook } = deleting(hang);
  void start(world, runbook, { confirmed: 'local' });
  await begun;
  world.processes.die();
  hang.current = undefined;
  const id = world.events[0]?.run ?? '';
  const resume = (by: TestWorld, confirmed?: string) =>
    resumeRun(by, () => runbook, { run: id, services: undefined, ...(confirmed === undefined ? {} : { confirmed }) });
  return { id, done, resume };
}

/** The same machine's view with another key, and what it trusts beside that. */
function withKey(world: TestWorld, trusted: readonly string[] = []): TestWorld {
  const signer = memorySigner();
  const trust = () => ({ ...signer.trust(), publicKeys: [...signer.trust().publicKeys, ...trusted] });
  return { ...world.another(), signer: { ...signer, trust } };
}

test('a journal that somebody put into the bucket destroys nothing until its steps are confirmed', async () => {
  const world = testWorld();
  const { done, runbook } = deleting();
  await append(world, forged, [started(runbook), succeeded('look')]);
  const resume = (confirmed?: string) =>
    resumeRun(world.another(), () => runbook, {
      run: forged,
      services: undefined,
      ...(confirmed === undefined ? {} : { confirmed }),
    });
  const before = world.store.objects.size;
  await expect(resume()).rejects.toMatchObject({
    kind: 'refused',
    code: 'not-confirmed',
    happened: expect.stringContaining('cannot vouch for the journal of sketch-20260219-031500-evil: no entry'),
    next: `cardea run resume ${forged} --confirm local`,
    details: [
      'Sketch: sketch of local, with {}',
      'look (read, succeeded): look',
      'delete (destroy, to do): delete',
      'tidy (write, to do): tidy',
    ],
  });
  await expect(resume('prod')).rejects.toMatchObject({ kind: 'refused', code: 'not-confirmed' });
  expect({ done, objects: world.store.objects.size }).toEqual({ done: [], objects: before });

  expect(await resume('local')).toMatchObject({ status: 'succeeded' });
  expect(done).toEqual(['delete', 'tidy']);
  const { events } = await readJournal(world.store, forged);
  const again = events.find(({ event }) => event.type === 'run-resumed');
  expect(again).toMatchObject({ event: { confirmed: 'local' }, signed: { key: world.signer.keyId } });
  expect(replay(events)?.confirmed).toBe('local');
});

test('entries in the audit chain of a key that nobody trusts neither vouch for a journal nor speak against it', async () => {
  const world = testWorld();
  const { runbook, done } = deleting();
  const mallory = memorySigner();
  await append(world, forged, [started(runbook), succeeded('look')], { signer: mallory });
  const { head } = await readJournal(world.store, forged);
  const fact = { run: forged, events: head.sequence, head: head.hash };
  await auditTrail({ ...world, signer: mallory }).record({ what: 'started', ...fact });
  const resume = (of: string, rb: Runbook) => resumeRun(world.another(), () => rb, { run: of, services: undefined });
  await expect(resume(forged, runbook)).rejects.toMatchObject({ code: 'not-confirmed' });
  expect(done).toEqual([]);

  const own = await killed(world.another());
  await auditTrail({ ...world, signer: mallory }).record({
    what: 'ended',
    run: own.id,
    events: 1,
    head: 'f'.repeat(64),
  });
  expect(await own.resume(world.another())).toMatchObject({ status: 'succeeded' });
});

test('a run that was killed is resumed by itself on the machine that began it: each of its events is signed', async () => {
  const world = testWorld();
  const { resume, done } = await killed(world);
  expect(await resume(world.another())).toMatchObject({ status: 'succeeded' });
  expect(done).toEqual(['look', 'delete', 'tidy']);
});

test('what somebody appended to the journal of a killed run is not believed', async () => {
  const world = testWorld();
  const { id, resume, done } = await killed(world);
  await append(world, id, [succeeded('look'), succeeded('delete')]);
  await expect(resume(world.another())).rejects.toMatchObject({
    code: 'not-confirmed',
    happened: expect.stringContaining('from event 3 on (step-succeeded) no key that is trusted here has signed it'),
  });
  expect(done).toEqual([]);
  // Having seen the steps, a person takes the journal as it is.
  expect(await resume(world.another(), 'local')).toMatchObject({ status: 'succeeded' });
  expect(done).toEqual(['tidy']);
});

test('anybody may ask for a cancel, which vouches for nothing that came before it', async () => {
  const world = testWorld();
  const { id, resume } = await killed(world);
  await requestCancel(world.another(), id);
  expect(await resume(world.another())).toMatchObject({ status: 'cancelled' });

  const other = await killed(world.another());
  await append(world, other.id, [succeeded('look')]);
  await requestCancel(world.another(), other.id);
  await expect(other.resume(world.another())).rejects.toMatchObject({ code: 'not-confirmed' });
});

test('a lost private key costs a confirmation, and never a run; a key of the configuration costs nothing', async () => {
  const world = testWorld();
  const trusted = await killed(world);
  expect(await trusted.resume(withKey(world, [world.signer.publicKey]))).toMatchObject({ status: 'succeeded' });

  const other = testWorld();
  const lost = await killed(other);
  const newKey = withKey(other);
  await expect(lost.resume(newKey)).rejects.toMatchObject({ code: 'not-confirmed', kind: 'refused' });
  expect(await lost.resume(newKey, 'local')).toMatchObject({ status: 'succeeded' });
});

test('once a person has confirmed it, the new key vouches for the run', async () => {
  const world = testWorld();
  const { run, started: begun } = hanging();
  const hang = { current: run as Sketch['run'] | undefined };
  const { runbook } = deleting(hang);
  await append(world, forged, [started(runbook), { type: 'step-started', step: 'look', attempt: 1 }]);
  const options = { run: forged, services: undefined };
  const interrupt = new AbortController();
  const going = resumeRun(world.another(), () => runbook, { ...options, confirmed: 'local', signal: interrupt.signal });
  await begun;
  interrupt.abort();
  expect(await going).toMatchObject({ status: 'interrupted' });
  hang.current = undefined;
  expect(await resumeRun(world.another(), () => runbook, options)).toMatchObject({ status: 'succeeded' });
});

test('a chain that was cut since vouches for no journal', async () => {
  const world = testWorld();
  const { resume } = await killed(world);
  await start(world.another(), runbookOf([{ id: 'a', effect: 'read' }]));
  const last =
    [...world.store.objects.keys()]
      .filter((key) => key.startsWith('audit/'))
      .sort()
      .at(-1) ?? '';
  world.store.remove(last);
  await expect(resume(world.another())).rejects.toMatchObject({
    code: 'not-confirmed',
    happened: expect.stringContaining('the audit chain was cut off or changed since'),
  });
  expect(await resume(world.another(), 'local')).toMatchObject({ status: 'succeeded' });
});

test('an entry that was taken out of the middle of the chain vouches for no journal either', async () => {
  const world = testWorld();
  const { resume } = await killed(world);
  for (let runs = 0; runs < 2; runs += 1) await start(world.another(), runbookOf([{ id: 'a', effect: 'read' }]));
  world.store.remove('audit/000003.json');
  await expect(resume(world.another())).rejects.toMatchObject({ code: 'not-confirmed' });
});

test('a journal that does not say that anybody confirmed it wants it, signed or not', async () => {
  const world = testWorld();
  const { runbook } = deleting();
  const { signer } = world;
  await append(world, forged, [started(runbook, '')], { signer });
  const { head } = await readJournal(world.store, forged);
  await auditTrail(world).record({ what: 'started', run: forged, events: 1, head: head.hash });
  await expect(resumeRun(world.another(), () => runbook, { run: forged, services: undefined })).rejects.toMatchObject({
    happened: expect.stringContaining('it does not say that anybody confirmed local'),
  });
});

test('a run of before events were signed wants a confirmation, although its start is in the chain', async () => {
  const world = testWorld();
  const { runbook, done } = deleting();
  await append(world, forged, [started(runbook)]);
  const { head } = await readJournal(world.store, forged);
  await auditTrail(world).record({ what: 'started', run: forged, events: 1, head: head.hash });
  await append(world, forged, [succeeded('look')]);
  const options = { run: forged, services: undefined };
  await expect(resumeRun(world.another(), () => runbook, options)).rejects.toMatchObject({ code: 'not-confirmed' });
  await resumeRun(world.another(), () => runbook, { ...options, confirmed: 'local' });
  expect(done).toEqual(['delete', 'tidy']);
});

test('a run that destroys nothing is resumed whoever wrote its journal', async () => {
  const world = testWorld();
  const runbook = runbookOf([{ id: 'a' }, { id: 'b', needs: ['a'] }]);
  await append(world, forged, [started(runbook, undefined), succeeded('a')]);
  const outcome = await resumeRun(world.another(), () => runbook, { run: forged, services: undefined });
  expect(outcome).toMatchObject({ status: 'succeeded', results: { b: { from: 'b' } } });
});

test('the end of a run that nobody vouches for is not signed, unless a person confirms it', async () => {
  const world = testWorld();
  const { runbook } = deleting();
  await append(world, forged, [started(runbook), { type: 'run-succeeded', seconds: 1 }]);
  const options = { run: forged, services: undefined };
  const entries = () => [...world.store.objects.keys()].filter((key) => key.startsWith('audit/')).length;
  expect(await resumeRun(world, () => runbook, options)).toMatchObject({
    status: 'succeeded',
    unwritten: [expect.stringContaining(`cardea run resume ${forged} --confirm local`)],
  });
  expect(entries()).toBe(0);
  expect(await resumeRun(world, () => runbook, { ...options, confirmed: 'local' })).not.toHaveProperty('unwritten');
  expect(entries()).toBe(1);
});

test('a process leaves a run into whose journal somebody else writes, and does not go on from what it says', async () => {
  const world = testWorld();
  const { run, started: begun } = hanging();
  const { done, runbook } = deleting({ current: run });
  const interrupt = new AbortController();
  const going = start(world, runbook, { confirmed: 'local', signal: interrupt.signal });
  await begun;
  const id = world.events[0]?.run ?? '';
  await append(world, id, [succeeded('look')], { epoch: 0 });
  await world.clock.advance(2000);
  expect(await going).toMatchObject({ status: 'interrupted', problem: { code: 'event-not-signed' } });
  expect(done).toEqual([]);
  expect(saying(world.events)).toEqual(['run-started', 'step-started look']);
});
