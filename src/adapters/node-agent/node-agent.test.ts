import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerType, serve } from '@hono/node-server';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FailedProblem, RefusedProblem, RetryableProblem } from '../../model/problem.ts';
import type { Progress } from '../../model/progress.ts';
import { agentServer } from '../../agent/agent-server.ts';
import type { JobContext, JobRunners } from '../../node/jobs/job-context.ts';
import { jobStoreIn } from '../../node/job-store.ts';
import { JobTable } from '../../node/job-table.ts';
import type { AgentLog } from '../../ports/agent-log.ts';
import type { BucketBinding } from '../../ports/node-agent.ts';
import { openNodeFiles } from '../node-files/node-files.ts';
import { systemClock } from '../system/clock.ts';
import { openNodeAgent } from './node-agent.ts';

/** The client against the real server over HTTP; only what the jobs do is stood in for. */
const token = 'a-token-of-the-test-environment';
const point = 'backup-20260219-020000';
const key = { run: 'backup-1', step: 'upload', epoch: 1 };
const result = { files: 2, bytes: 30, mode: 'differential' } as const;
const params = { point, mode: 'differential' } as const;

let directory: string;
let logged: string;
let works: (context: JobContext) => Promise<unknown>;
let runs: number;
let servers: ServerType[];
let port: number;
let bindings: BucketBinding[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cardea-agent-'));
  logged = '';
  runs = 0;
  servers = [];
  port = 0;
  bindings = [];
  works = async () => result;
});

afterEach(async () => {
  await Promise.all(servers.map(stopServer));
  await rm(directory, { recursive: true, force: true });
});

async function startServer(): Promise<{ server: ServerType; jobs: JobTable }> {
  const log: AgentLog = {
    write(event, fields) {
      logged += `${JSON.stringify({ event, ...fields })}\n`;
    },
  };
  const upload = async (_params: unknown, context: JobContext) => {
    runs += 1;
    return works(context);
  };
  const jobs = new JobTable({
    store: jobStoreIn(directory, openNodeFiles(join(directory, 'hashes.json'))),
    runners: { upload } as unknown as JobRunners,
    clock: systemClock,
    log,
  });
  await jobs.recover();
  const disk = async () => ({ total: 100, free: 50, liveData: 20, aside: 0, snapshots: 0 });
  const bind = async (binding: BucketBinding) => {
    bindings.push(binding);
    if (bindings.length > 1) throw new RefusedProblem({ code: 'other-bucket', happened: 'No.', state: '', next: '' });
  };
  const bucket = () => bindings[0]?.id ?? null;
  const parts = { node: 'node-1', version: '9.9.9', token, jobs, disk, bucket, bind };
  const app = agentServer({ ...parts, clock: systemClock, log });
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port });
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  servers.push(server);
  return { server, jobs };
}

async function stopServer(server: ServerType): Promise<void> {
  if ('closeAllConnections' in server) server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}

function client(over: { token?: string; patienceMs?: { start: number; follow: number } } = {}) {
  return openNodeAgent({
    node: 'node-1',
    url: `http://127.0.0.1:${port}`,
    token: async () => over.token ?? token,
    clock: systemClock,
    patienceMs: over.patienceMs ?? { start: 300, follow: 5000 },
  });
}

function following(signal = new AbortController().signal) {
  const seen: Progress[] = [];
  return { seen, options: { signal, progress: (progress: Progress) => void seen.push(progress) } };
}

describe('asking', () => {
  test('health and disk', async () => {
    await startServer();
    const { at, ...health } = await client().health();
    expect(health).toEqual({ node: 'node-1', version: '9.9.9', highestEpoch: 0, runningJobs: 0, bucket: { id: null } });
    expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
    expect(await client().disk()).toEqual({ total: 100, free: 50, liveData: 20, aside: 0, snapshots: 0 });
  });

  test('F1: a wrong token is refused, and no token ever reaches the log', async () => {
    await startServer();
    const wrong = 'the-token-of-another-environment';
    await expect(client({ token: wrong }).health()).rejects.toMatchObject({ kind: 'refused', code: 'agent-token' });
    await expect(client({ token: wrong }).start(key, 'upload', params)).rejects.toMatchObject({ code: 'agent-token' });
    await client().run(key, 'upload', params, following().options);
    expect(runs).toBe(1);
    expect(logged).not.toContain(token);
    expect(logged).not.toContain(wrong);
  });

  test('an agent that is not there is retryable, soon', async () => {
    const { server } = await startServer();
    await stopServer(server);
    await expect(client().health()).rejects.toMatchObject({ kind: 'retryable', code: 'agent-unreachable' });
    await expect(client().run(key, 'upload', params, following().options)).rejects.toBeInstanceOf(RetryableProblem);
  });

  test('another program at the address is told as such', async () => {
    const other = serve({ fetch: () => new Response('<html>', { status: 200 }), hostname: '127.0.0.1', port: 0 });
    servers.push(other);
    await once(other, 'listening');
    port = (other.address() as AddressInfo).port;
    await expect(client().health()).rejects.toMatchObject({ code: 'agent-not-understood' });
  });

  test.each([
    ['an unknown kind', { ...key, kind: 'format-disk', params: {} }],
    ['a point that leaves its folder', { ...key, kind: 'upload', params: { point: '../../etc', mode: 'full' } }],
    ['a run that leaves its folder', { ...key, run: '../x', kind: 'upload', params }],
    [
      'a source that leaves its folder',
      { ...key, kind: 'restore-files', params: { point, source: '../n', inPlace: true } },
    ],
    ['a param too many', { ...key, kind: 'upload', params: { ...params, shell: 'rm' } }],
    ['no JSON', undefined],
  ])('%s is refused as wrong use', async (_what, body) => {
    await startServer();
    const response = await fetch(`http://127.0.0.1:${port}/v1/jobs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: body === undefined ? '{' : JSON.stringify(body),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ problem: 'usage', code: 'bad-request' });
    expect(runs).toBe(0);
  });
});

describe('jobs', () => {
  test('a job is followed to its result, with progress on the way', async () => {
    let finish: (value: unknown) => void = () => {};
    works = async (context) => {
      context.progress({ done: 10, total: 30, unit: 'bytes' });
      return new Promise((resolve) => {
        finish = resolve;
      });
    };
    await startServer();
    const { seen, options } = following();
    const done = client().run(key, 'upload', params, options);
    await vi.waitFor(() => expect(seen).toContainEqual({ done: 10, total: 30, unit: 'bytes' }), { timeout: 5000 });
    expect(await client().status(key, 'upload')).toMatchObject({ state: 'running' });
    finish(result);
    expect(await done).toEqual(result);
    expect(await client().status(key, 'upload')).toMatchObject({ state: 'succeeded', result });
  });

  test('asking again reports, by another client too', async () => {
    await startServer();
    await client().run(key, 'upload', params, following().options);
    expect(await client().run({ ...key, epoch: 2 }, 'upload', params, following().options)).toEqual(result);
    expect(runs).toBe(1);
  });

  test('what was never started has no status', async () => {
    await startServer();
    expect(await client().status(key, 'upload')).toBeUndefined();
  });

  test("a job's problem arrives as it was thrown", async () => {
    works = async () => {
      throw new FailedProblem({ code: 'backup-damaged', happened: 'h', state: 's', next: 'n', details: ['file x'] });
    };
    await startServer();
    const problem = await client()
      .run(key, 'upload', params, following().options)
      .catch((thrown: unknown) => thrown);
    expect(problem).toBeInstanceOf(FailedProblem);
    expect(problem).toMatchObject({
      code: 'backup-damaged',
      happened: 'h',
      state: 's',
      next: 'n',
      details: ['file x'],
    });
  });

  test('a lower epoch is refused as stale-epoch', async () => {
    await startServer();
    await client().run({ ...key, epoch: 9 }, 'upload', params, following().options);
    await expect(client().start({ ...key, step: 'other' }, 'upload', params)).rejects.toMatchObject({
      kind: 'refused',
      code: 'stale-epoch',
    });
  });

  test('an epoch beyond the bound is not understood, wherever it comes from', async () => {
    await startServer();
    for (const epoch of [100_000_000, 2 ** 53, -1, 1.5]) {
      await expect(client().start({ ...key, epoch }, 'upload', params)).rejects.toMatchObject({ code: 'bad-request' });
      await expect(client().bind({ id: 'bucketnumber1', epoch })).rejects.toMatchObject({ code: 'bad-request' });
    }
    expect(await client().health()).toMatchObject({ highestEpoch: 0 });
  });

  test('an agent is bound to a bucket over HTTP, and its refusal comes back as it is', async () => {
    await startServer();
    await client().bind({ id: 'bucketnumber1', epoch: 3 });
    expect(await client().health()).toMatchObject({ bucket: { id: 'bucketnumber1' } });
    await expect(client().bind({ id: 'bucketnumber2', epoch: 3 })).rejects.toMatchObject({ code: 'other-bucket' });
    expect(bindings[0]).toEqual({ id: 'bucketnumber1', epoch: 3 });
  });

  test('an agent that dies and comes back runs the job anew, and the follower sees its end', async () => {
    let first = true;
    works = async (context) => {
      if (!first) return result;
      first = false;
      return new Promise((_resolve, reject) => {
        context.signal.addEventListener('abort', () => reject(context.signal.reason as Error));
      });
    };
    const { server, jobs } = await startServer();
    const done = client().run(key, 'upload', params, following().options);
    await vi.waitFor(() => expect(runs).toBe(1));
    await stopServer(server);
    await jobs.stop();
    await startServer();
    expect(await done).toEqual(result);
    expect(runs).toBe(2);
  });

  test('a caller that gives up leaves the job running', async () => {
    let finish: (value: unknown) => void = () => {};
    works = async () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    await startServer();
    const abort = new AbortController();
    const given = client().run(key, 'upload', params, following(abort.signal).options);
    await vi.waitFor(() => expect(runs).toBe(1));
    abort.abort(new DOMException('Ctrl-C', 'AbortError'));
    await expect(given).rejects.toThrow('Ctrl-C');
    const again = client().run(key, 'upload', params, following().options);
    finish(result);
    expect(await again).toEqual(result);
    expect(runs).toBe(1);
  });
});
