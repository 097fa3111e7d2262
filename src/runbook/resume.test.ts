import { expect, test, vi } from 'vitest';
import { verifyAudit } from '../journal/audit.ts';
import { readJournal } from '../journal/journal-reader.ts';
import { listRuns } from '../journal/runs.ts';
import { readStepLog } from '../journal/step-log.ts';
import { elsewhere, saying, testWorld } from '../../test/support/engine-world.ts';
import { FakeClock, inTime } from '../../test/support/fake-clock.ts';
import { hanging, runbookOf, start, type Work } from '../../test/support/runbook-sketch.ts';
import type { Runbook } from './define.ts';
import { requestCancel, resumeRun } from './engine.ts';

test('Ctrl-C leaves a run that resumes at the step it was in, with the same key, a higher epoch, and no finished step done again', async () => {
  const world = testWorld();
  const { run, started } = hanging();
  const seen: string[] = [];
  let hang = true;
  const record: Work = async (context) => {
    seen.push(`${context.run}/${context.step} epoch ${context.epoch} attempt ${context.attempt}`);
    context.log(`attempt ${context.attempt}`);
    if (context.step === 'second' && hang) await run(context);
    return { step: context.step };
  };
  const runbook = runbookOf([
    { id: 'first', run: record },
    { id: 'second', needs: ['first'], run: record },
    { id: 'tidy', always: true, run: record },
  ]);
  const interrupt = new AbortController();
  const going = start(world, runbook, { signal: interrupt.signal });
  await started;
  interrupt.abort();
  const left = await going;
  expect(left).toMatchObject({
    status: 'interrupted',
    problem: { code: 'interrupted' },
    results: { first: { step: 'first' } },
  });

  hang = false;
  const done = await resumeRun(world.another(), () => runbook, {
    run: left.run,
    services: undefined,
  });
  expect(done).toMatchObject({
    status: 'succeeded',
    results: { first: { step: 'first' }, second: { step: 'second' } },
  });
  expect(seen).toEqual([
    `${left.run}/first epoch 1 attempt 1`,
    `${left.run}/second epoch 1 attempt 1`,
    `${left.run}/second epoch 2 attempt 2`,
    `${left.run}/tidy epoch 2 attempt 1`,
  ]);
  expect((await readStepLog(world.store, left.run, 'second')).split('\n').map((line) => line.slice(25))).toEqual([
    'attempt 1',
    'attempt 2',
    '',
  ]);
});

test('a journal that was read already is read once more, under the lease, where what came since counts', async () => {
  const world = testWorld();
  const interrupt = new AbortController();
  interrupt.abort();
  const runbook = runbookOf([{ id: 'a' }]);
  const { run } = await start(world, runbook, { signal: interrupt.signal });
  const journal = await readJournal(world.store, run);
  await requestCancel(world, run);
  const list = vi.spyOn(world.store, 'list');
  const outcome = await resumeRun(world.another(), () => runbook, { run, journal, services: undefined });
  expect(outcome).toMatchObject({ status: 'cancelled' });
  expect(list.mock.calls.filter(([prefix]) => prefix.startsWith('runs/'))).toHaveLength(1);
});

test('resuming a finished run reports it and does nothing', async () => {
  const world = testWorld();
  const outcome = await start(world, runbookOf([{ id: 'a' }]));
  const before = world.store.objects.size;
  const again = await resumeRun(world.another(), () => undefined, { run: outcome.run, services: undefined });
  expect(again).toMatchObject({ status: 'succeeded', results: outcome.results, seconds: outcome.seconds });
  expect(world.store.objects.size).toBe(before);
});

test('a run is not resumed by a runbook whose steps are others', async () => {
  const world = testWorld();
  const interrupt = new AbortController();
  interrupt.abort();
  const left = await start(world, runbookOf([{ id: 'a' }]), { signal: interrupt.signal });
  const resume = (runbook: Runbook | undefined) =>
    resumeRun(world.another(), () => runbook, { run: left.run, services: undefined });
  await expect(resume(undefined)).rejects.toMatchObject({ code: 'unknown-runbook' });
  await expect(resume(runbookOf([{ id: 'b' }]))).rejects.toMatchObject({ code: 'plan-changed' });
  expect((await resume(runbookOf([{ id: 'a' }]))).status).toBe('succeeded');
});

test('a request to cancel from another process is noticed within two seconds: steps stop, steps for the end run', async () => {
  const world = testWorld();
  const { run, started } = hanging();
  const going = start(
    world,
    runbookOf([
      { id: 'slow', run },
      { id: 'never', needs: ['slow'] },
      { id: 'tidy', always: true },
    ]),
  );
  await started;
  const id = world.events[0]?.run ?? '';
  await requestCancel(world.another(), id);
  await world.clock.advance(2000);
  const outcome = await going;
  expect(outcome).toMatchObject({
    status: 'cancelled',
    problem: { code: 'cancelled' },
    results: { tidy: { from: 'tidy' } },
  });
  await expect(requestCancel(world.another(), id)).rejects.toMatchObject({ code: 'run-ended' });
});

test('an interrupted run that was cancelled meanwhile is ended by its resume', async () => {
  const world = testWorld();
  const interrupt = new AbortController();
  interrupt.abort();
  const runbook = runbookOf([{ id: 'a' }, { id: 'tidy', always: true }]);
  const left = await start(world, runbook, { signal: interrupt.signal });
  await requestCancel(world, left.run);
  const outcome = await resumeRun(world.another(), () => runbook, {
    run: left.run,
    services: undefined,
  });
  expect(outcome).toMatchObject({ status: 'cancelled', results: { tidy: { from: 'tidy' } } });
  expect(outcome.results).not.toHaveProperty('a');
});

test('a second run of the environment is refused while one holds it, naming who; runs that only read are let through', async () => {
  const world = testWorld();
  const { run, started } = hanging();
  const interrupt = new AbortController();
  const going = start(world, runbookOf([{ id: 'slow', run }]), { signal: interrupt.signal });
  await started;
  const other = world.another();
  await expect(start(other, runbookOf([{ id: 'a' }]))).rejects.toMatchObject({
    code: 'environment-busy',
    kind: 'refused',
    happened: expect.stringContaining('dana on here (pid 100) since 2026-02-19T02:00:00.000Z'),
  });
  expect((await start(other, runbookOf([{ id: 'a', effect: 'read' }]))).status).toBe('succeeded');
  interrupt.abort();
  await going;
  expect((await start(other, runbookOf([{ id: 'a' }]))).status).toBe('succeeded');
});

test('a process paused past its lease finds itself fenced when it wakes: its signal aborts and it writes nothing more', async () => {
  const world = testWorld();
  const { run, started, signals } = hanging();
  let calls = 0;
  const runbook = runbookOf([
    {
      id: 'slow',
      run: async (context) => {
        calls += 1;
        return calls === 1 ? run(context) : 'done by the other';
      },
    },
  ]);
  const sleeper = start(world, runbook);
  await started;
  const id = world.events[0]?.run ?? '';
  // While it is paused, only the other's time goes on.
  const other = elsewhere(world, 31_000);
  const resumed = await inTime(
    resumeRun(other, () => runbook, { run: id, services: undefined }),
    other.clock,
  );
  expect(resumed.results).toEqual({ slow: 'done by the other' });
  const after = world.store.text(`runs/${id}/000003.json`);
  world.clock.leap(61_000);
  await world.clock.advance(20_000);
  expect(await sleeper).toMatchObject({ status: 'interrupted', problem: { code: 'fenced' } });
  expect(signals[0]?.aborted).toBe(true);
  expect(world.store.text(`runs/${id}/000003.json`)).toBe(after);
  expect(saying((await readJournal(world.store, id)).events)).toEqual([
    'run-started',
    'step-started slow',
    'run-resumed',
    'step-started slow',
    'step-succeeded slow',
    'run-succeeded',
  ]);
});

test('a resume takes the lease over at once when the process that held it is dead, and is refused while it lives', async () => {
  const world = testWorld();
  const { run, started } = hanging();
  let calls = 0;
  const runbook = runbookOf([
    {
      id: 'slow',
      run: async (context) => {
        calls += 1;
        return calls === 1 ? run(context) : 2;
      },
    },
  ]);
  void start(world, runbook);
  await started;
  const id = world.events[0]?.run ?? '';
  const resume = () => resumeRun(world.another(), () => runbook, { run: id, services: undefined });
  await expect(resume()).rejects.toMatchObject({
    code: 'environment-busy',
    happened: expect.stringContaining(`Another process already executes run ${id}`),
  });
  world.processes.die();
  await expect(start(world.another(), runbook)).rejects.toMatchObject({
    next: expect.stringContaining(`cardea run resume ${id}`),
  });
  expect((await resume()).results).toEqual({ slow: 2 });
});

test('the lease of a dead process whose run could go on keeps the environment for the time of a lease, also by a clock that was set back', async () => {
  const world = testWorld();
  const { run, started } = hanging();
  void start(world, runbookOf([{ id: 'slow', run }]));
  await started;
  world.processes.die();
  const next = runbookOf([{ id: 'quick', run: async () => 1 }]);
  await expect(start(world.another(), next)).rejects.toMatchObject({ code: 'environment-busy' });
  const setBack = { ...world.another(), clock: new FakeClock('2026-02-19T00:00:00.000Z') };
  expect((await start(setBack, next)).status).toBe('succeeded');
});

const onCopy = (run?: Work): Runbook => ({
  ...runbookOf([{ id: 'slow', ...(run === undefined ? {} : { run }) }]),
  copyOf: ({ run: id }) => `copy-${id.slice(-4)}`,
});

test('a run on a copy and one in the environment go on side by side, each with the epoch of its own lease', async () => {
  const world = testWorld();
  const enter = async () => ({ highestEpoch: 57 });
  const [inside, beside] = [hanging(), hanging()];
  const epochs: number[] = [];
  const noting =
    (work: Work): Work =>
    async (context) => {
      epochs.push(context.epoch);
      return work(context);
    };
  const stop = new AbortController();
  const environment = { ...world, enter };
  const copy = { ...world.another(), enter };
  const going = start(environment, runbookOf([{ id: 'slow', run: noting(inside.run) }]), { signal: stop.signal });
  await inside.started;
  const rehearsal = start(copy, onCopy(noting(beside.run)), { signal: stop.signal });
  await beside.started;
  expect(epochs).toEqual([58, 1]);
  const runs = { ...world, processes: world.processes };
  expect((await listRuns(runs, { limit: 5 })).map(({ status }) => status)).toEqual(['running', 'running']);
  expect(await verifyAudit(runs, world.signer.trust())).toMatchObject({ ok: true, interrupted: [] });
  stop.abort();
  expect(await going).toMatchObject({ status: 'interrupted' });
  const left = await rehearsal;
  expect((await listRuns(runs, { limit: 5 })).map(({ status }) => status)).toEqual(['interrupted', 'interrupted']);

  const resumed = await resumeRun(world.another(), () => onCopy(), { run: left.run, services: undefined });
  expect(resumed.status).toBe('succeeded');
  const started = (await readJournal(world.store, left.run)).events;
  expect(started[0]?.event).toMatchObject({ leased: true, copy: `copy-${left.run.slice(-4)}` });
  expect(started.at(-1)?.epoch).toBe(2);
});

test('a run on a copy whose leases are gone is carried on with an epoch above those of its journal', async () => {
  const world = testWorld();
  const { run, started } = hanging();
  const stop = new AbortController();
  const going = start(world, onCopy(run), { signal: stop.signal });
  await started;
  stop.abort();
  const { run: id } = await going;
  for (const key of world.store.objects.keys()) if (key.startsWith('leases/')) world.store.remove(key);
  await resumeRun(world.another(), () => onCopy(), { run: id, services: undefined });
  expect((await readJournal(world.store, id)).events.at(-1)?.epoch).toBe(2);
});

test('a process of a run on a copy that was paused while another took it over writes nothing more', async () => {
  const world = testWorld();
  const { run, started, signals } = hanging();
  const sleeper = start(world, onCopy(run));
  await started;
  const id = world.events[0]?.run ?? '';
  const other = elsewhere(world, 31_000);
  const resumed = await inTime(
    resumeRun(other, () => onCopy(async () => 'done by the other'), { run: id, services: undefined }),
    other.clock,
  );
  expect(resumed.results).toEqual({ slow: 'done by the other' });
  world.clock.leap(61_000);
  await world.clock.advance(20_000);
  expect(await sleeper).toMatchObject({ status: 'interrupted', problem: { code: 'fenced' } });
  expect(signals[0]?.aborted).toBe(true);
});
