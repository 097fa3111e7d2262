import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { DirectoryStore } from '../../adapters/directory/directory-store.ts';
import { systemClock } from '../../adapters/system/clock.ts';
import { systemIds } from '../../adapters/system/ids.ts';
import { configSchema } from '../../model/config.ts';
import { FailedProblem, RetryableProblem } from '../../model/problem.ts';
import { ownBucket } from '../../ports/own-bucket.ts';
import type { Platform } from '../../ports/platform.ts';
import { defineRunbook } from '../../runbook/define.ts';
import type { RunbookServices } from '../../runbooks/index.ts';
import { action as logs } from '../commands/logs/action.ts';
import { action as runShow } from '../commands/run-show/action.ts';
import { action as runs } from '../commands/runs/action.ts';
import type { CliContext } from '../context.ts';
import { operate } from './operation.ts';
import { reportOf } from './run-report.ts';
import { noPaint } from '../terminal/output.ts';

let folder: string;
let bucket: DirectoryStore;
let said: string[];
let controller: AbortController;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cardea-operation-'));
  bucket = new DirectoryStore(join(folder, 'bucket'));
  said = [];
  controller = new AbortController();
});
afterEach(async () => {
  await bucket.close();
  await rm(folder, { recursive: true });
});

const config = configSchema.parse({ name: 'bank', environments: { local: { platform: { kind: 'sandbox' } } } });
const [local] = Object.values(config.environments);
if (local === undefined) throw new TypeError('the configuration has no environment');
const environment = { name: 'local', config: local };

function context(flags: Partial<CliContext['flags']> = {}): CliContext {
  const { signal } = controller;
  return {
    flags: { config: undefined, json: false, plan: false, quiet: false, color: false, ...flags },
    output: {
      live: false,
      columns: 100,
      paint: noPaint,
      paintNote: noPaint,
      line: (text) => said.push(text),
      note: (text) => said.push(text),
      warn: (text) => said.push(text),
    },
    interrupt: { signal, requested: false, say: ({ stopping = '' }) => said.push(`hint: ${stopping}`) },
    signal,
    actor: { name: 'ana', via: 'cli', host: 'ops1' },
    version: '0.0.0',
    clock: systemClock,
    ids: systemIds,
    config: async () => ({ file: join(folder, 'cardea.config.ts'), directory: folder, config }),
    environment: async () => ({ ...environment, auditKey: join(folder, 'keys', 'audit.key'), operatorKeys: [] }),
    // Only the bucket is asked for; what is not there would fail loudly.
    platform: async () =>
      ({
        environment: 'local',
        nodes: [],
        bucket: ownBucket(bucket, { owner: { environment: 'local' }, clock: systemClock, ids: systemIds }),
      }) as unknown as Platform,
    onEnd: () => {},
  };
}

const params = z.object({ size: z.number(), wrong: z.boolean().default(false) });
const runbook = defineRunbook<z.output<typeof params>, RunbookServices>({
  name: 'wipe',
  version: 1,
  title: 'A toy that destroys',
  params,
})
  .step({
    id: 'look',
    title: 'Look first',
    effect: 'read',
    needs: [],
    timeout: '5s',
    result: z.object({ seen: z.number() }),
    run: async ({ params: { size }, log }) => {
      log(`saw ${size}`);
      return { seen: size };
    },
  })
  .step({
    id: 'wipe',
    title: 'Wipe it',
    effect: 'destroy',
    needs: ['look'],
    timeout: '5s',
    result: z.object({}),
    run: async ({ params: { wrong }, signal }) => {
      if (wrong) {
        throw new FailedProblem({
          code: 'stuck',
          happened: 'It is stuck.',
          state: 'Half of it is gone.',
          next: 'Pull.',
        });
      }
      signal.throwIfAborted();
      return {};
    },
  })
  .build();

const operation = {
  environment: 'local',
  runbook,
  params: { size: 3 },
  confirmed: 'local',
  done: ({ run, results }: { readonly run: string; readonly results: object }) => ({
    json: { run, results },
    text: 'done',
  }),
};
const text = { happened: 'The store is away.', state: 'Nothing.', next: 'Wait.' };
const written = async () => (await Array.fromAsync(bucket.list(''))).length;

test('--plan shows each step with its effect and changes nothing', async () => {
  const outcome = await operate(context({ plan: true }), operation);
  expect(outcome.text).toContain('This is only the plan; nothing was changed.');
  expect(outcome.text).toMatch(/look +read/);
  expect(outcome.text).toMatch(/wipe +DESTROY +look/);
  expect(outcome.json).toMatchObject({ runbook: 'wipe', environment: 'local', params: { size: 3, wrong: false } });
  expect(await written()).toBe(0);
});

test('a run that succeeds ends in what the command says, after a line per change of state and a hint how to resume', async () => {
  const outcome = await operate(context(), operation);
  expect(outcome).toMatchObject({ text: 'done', json: { results: { look: { seen: 3 } } } });
  expect(outcome.problem).toBeUndefined();
  expect(said.some((line) => /^hint: .*cardea run resume wipe-\d{8}-\d{6}-[a-z0-9]{4}/.test(line))).toBe(true);
  const states = said.map((line) => line.replace(/^\d\d:\d\d:\d\d /, '').replace(/[\d.]+ s$/, 'N s'));
  expect(states).toContain('look: started');
  expect(states).toContain('wipe: done in N s');
});

test('with --json nothing is said on the way', async () => {
  await operate(context({ json: true }), operation);
  expect(said.filter((line) => !line.startsWith('hint: '))).toEqual([]);
});

test('a run that fails ends in its problem, and the JSON names the run', async () => {
  const outcome = await operate(context(), { ...operation, params: { size: 3, wrong: true } });
  expect(outcome.problem).toMatchObject({ kind: 'failed', code: 'stuck' });
  expect(outcome.json).toMatchObject({ ok: false, status: 'failed', run: expect.stringMatching(/^wipe-/) as string });
});

test.each([undefined, 'prod'])(
  'a destructive run confirmed with %s is refused, and nothing is written',
  async (confirmed) => {
    await expect(operate(context(), { ...operation, confirmed })).rejects.toMatchObject({
      kind: 'refused',
      code: 'not-confirmed',
    });
    expect(await written()).toBe(0);
  },
);

test('of a run that succeeded, what it brought may be unreadable: it has succeeded all the same', async () => {
  const done = async () => Promise.reject(new RetryableProblem({ ...text, code: 'store-unreachable' }));
  const outcome = await operate(context(), { ...operation, done });
  expect(outcome.problem).toBeUndefined();
  expect(outcome.json).toMatchObject({
    ok: true,
    status: 'succeeded',
    unread: expect.stringContaining('away') as string,
  });
});

test('a run that is resumed is reported as the command reports it that begins one', async () => {
  const at = (second: number) => ({ at: `2026-02-19T03:15:0${second}.000Z` });
  const results = {
    'stop-graph': at(1),
    'start-graph': at(4),
    'open-timeline': { timeline: 't0002' },
    'restore-files': { roles: { kept: [], ofPoint: [], differ: false } },
    verify: { known: 2, inherited: 1 },
  };
  const run = { run: 'restore-20260219-031500-k3f9', seconds: 9, results };
  const of = { runbook: 'restore', params: { point: 'backup-20260219-020000' } };
  expect((await reportOf(context(), 'local', of, run))?.json).toEqual({
    run: run.run,
    ok: true,
    seconds: 9,
    outageSeconds: 3,
    point: 'backup-20260219-020000',
    instant: null,
    timeline: 't0002',
    roles: results['restore-files'].roles,
    known: 2,
    inherited: 1,
    notShipped: [],
  });
  const accepted = { runbook: 'accept', params: { restore: run.run } };
  expect((await reportOf(context(), 'local', accepted, run))?.json).toMatchObject({ ok: true, restore: run.run });
});

test('a run stopped by Ctrl-C is left resumable and says so', async () => {
  controller.abort();
  const outcome = await operate(context(), operation);
  expect(outcome.json).toMatchObject({ status: 'interrupted' });
  expect(outcome.problem?.next).toContain('cardea run resume wipe-');
});

test('runs, run show and logs tell the run from its journal alone', async () => {
  const { json } = await operate(context(), operation);
  const { run } = z.object({ run: z.string() }).parse(json);
  const listed = await runs(context(), { env: 'local', limit: 20, runbook: undefined, failed: false });
  expect(listed.json).toMatchObject([{ run, status: 'succeeded', runbook: 'wipe' }]);
  expect(listed.text).toMatch(new RegExp(`${run} +local +succeeded`));
  const shown = await runShow(context(), { id: run, env: undefined, follow: false });
  expect(shown.text).toContain(`wipe local  ${run}  succeeded`);
  expect(shown.json).toMatchObject({ run, status: 'succeeded' });
  const log = await logs(context(), { id: run, env: undefined, step: 'look' });
  expect(log.text).toMatch(/saw 3$/);
  await expect(logs(context(), { id: run, env: undefined, step: 'lok' })).rejects.toMatchObject({
    code: 'no-log',
    next: expect.stringContaining('did you mean "look"?') as string,
  });
});

test('a run that no environment has is wrong use', async () => {
  const unknown = runShow(context(), { id: 'backup-20260219-020000-k3f9', env: undefined, follow: false });
  await expect(unknown).rejects.toMatchObject({ kind: 'usage', code: 'unknown-run' });
  const misspelt = runShow(context(), { id: '../../etc', env: undefined, follow: false });
  await expect(misspelt).rejects.toMatchObject({ kind: 'usage', code: 'unknown-run' });
});
