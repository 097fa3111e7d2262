import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerType, serve } from '@hono/node-server';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestWorld, testWorld } from '../../../../test/support/engine-world.ts';
import { plantedAt, plantedFault } from '../../../../test/support/planted-fault.ts';
import { runbookOf, type Sketch, start } from '../../../../test/support/runbook-sketch.ts';
import { openNodeAgent } from '../../../adapters/node-agent/node-agent.ts';
import { openJsonLog } from '../../../adapters/node-files/json-log.ts';
import { openNodeFiles } from '../../../adapters/node-files/node-files.ts';
import { readCredentials } from '../../../adapters/s3/credentials-file.ts';
import { fileAuditSigner } from '../../../adapters/system/audit-key.ts';
import { systemClock } from '../../../adapters/system/clock.ts';
import { agentServer } from '../../../agent/agent-server.ts';
import { FailedProblem } from '../../../model/problem.ts';
import { jobStoreIn } from '../../../node/job-store.ts';
import { JobTable } from '../../../node/job-table.ts';
import type { JobRunners } from '../../../node/jobs/job-context.ts';
import type { Platform } from '../../../ports/platform.ts';
import { onEachNode } from '../../../runbooks/steps/each-node.ts';
import { failureText } from '../../terminal/problem-text.ts';
import { noPaint } from '../../terminal/output.ts';
import type { CliContext } from '../../context.ts';
import { action as logs } from './action.ts';

/** A run with real agents over HTTP, and what `cardea logs` prints of it; only the jobs are stood in for. */
const token = 'a-token-of-the-test-environment';
const nodes = ['node-1', 'node-2', 'node-3'];
const root = join(import.meta.dirname, '../../../..');

let folder: string;
let world: TestWorld;
let servers: ServerType[];
/** What the job comes to on each node. */
let job: (node: string) => unknown;
let platform: Platform;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cardea-logs-'));
  world = testWorld();
  servers = [];
  job = () => ({ bytes: 7 });
  const agents = new Map(await Promise.all(nodes.map(async (node) => [node, await startAgent(node)] as const)));
  platform = {
    nodes: nodes.map((name) => ({ name })),
    bucket: world.store,
    agent: (node: string) => agents.get(node),
  } as unknown as Platform;
});

afterEach(async () => {
  for (const server of servers) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  }
  await rm(folder, { recursive: true });
});

async function startAgent(node: string) {
  const directory = join(folder, node);
  const log = openJsonLog(join(directory, 'agent.log'));
  const jobs = new JobTable({
    store: jobStoreIn(directory, openNodeFiles(join(directory, 'hashes.json'))),
    runners: { 'accept-aside': async () => job(node) } as unknown as JobRunners,
    clock: systemClock,
    log,
  });
  const disk = async () => ({ total: plantedFault(), free: 0, liveData: 0, aside: 0, snapshots: 0 });
  const bucket = { bucket: () => null, bind: async () => {} };
  const app = agentServer({ node, version: '9.9.9', token, jobs, disk, ...bucket, clock: systemClock, log });
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  servers.push(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return openNodeAgent({ node, url, token: async () => token, clock: systemClock });
}

const inJob: Sketch = {
  id: 'in-job',
  run: async (context) => onEachNode(platform, context, 'accept-aside', () => ({ run: 'restore-1' })),
};

async function logsOf(run: string): Promise<string> {
  const context = {
    output: { paint: noPaint },
    environment: async () => ({}),
    platform: async () => platform,
  } as unknown as CliContext;
  return (await logs(context, { id: run, env: 'local', step: undefined })).text;
}

/** Everything that the run left behind, in the bucket and beside the agents. */
async function everything(): Promise<string> {
  const bucket = [...world.store.objects.keys()].map((key) => `${key}\n${world.store.text(key)}`);
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const kept = files.filter(({ name }) => /\.(log|json)$/.test(name));
  const texts = await Promise.all(kept.map(async ({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')));
  return [...bucket, ...texts].join('\n');
}

const agentLog = async (node: string) => readFile(join(folder, node, 'agent.log'), 'utf8');

test("a TypeError in an agent's job and one in a step are found from the run's logs with file and line", async () => {
  job = (node) => (node === 'node-2' ? plantedFault() : { bytes: 7 });
  const inStep: Sketch = { id: 'in-step', run: async () => plantedFault() };
  const outcome = await start(world, runbookOf([inJob, inStep]));
  const [first = '', second = ''] = (await logsOf(outcome.run)).split('\n\n');
  for (const [step, text] of [
    ['in-job', first],
    ['in-step', second],
  ] as const) {
    expect(text).toMatch(new RegExp(`^${step}\n`));
    expect(text).toContain('TypeError: Cannot read properties of undefined');
    expect(text).toContain(plantedAt);
  }
  expect(first).toContain('src/node/job-table.ts:');
  expect(first).toContain('node-2');
  expect(await agentLog('node-2')).toContain(plantedAt);
  expect(await agentLog('node-1')).not.toContain(plantedAt);
  expect(first + second + (await agentLog('node-2'))).not.toContain(root);
});

test('of a fault the terminal gets one line and where the rest is; no frame is in the journal or the JSON of the problem', async () => {
  job = (node) => (node === 'node-2' ? plantedFault() : { bytes: 7 });
  const { run, problem } = await start(world, runbookOf([inJob]));
  if (problem === undefined) throw new TypeError('the run did not fail');
  const shown = failureText(problem);
  expect(shown).toContain('node-2: The job accept-aside failed: Cannot read properties of undefined');
  expect(shown).toContain(`\`cardea logs ${run} in-job\``);
  expect(`${shown}${JSON.stringify(problem.toDocument())}`).not.toContain('planted-fault.ts');
  for (const key of world.store.objects.keys()) {
    if (!key.endsWith('.log')) expect(world.store.text(key)).not.toContain('planted-fault.ts');
  }
});

test('several nodes that fail are each named in the run, and each keeps its stack', async () => {
  job = (node) => {
    if (node === 'node-1')
      throw new FailedProblem({ code: 'full', happened: 'No room.', state: 's', next: 'Make some.' });
    return node === 'node-3' ? plantedFault() : { bytes: 7 };
  };
  const { run, problem } = await start(world, runbookOf([inJob]));
  expect(problem).toMatchObject({ code: 'nodes-failed', happened: '2 of 3 nodes failed: node-1, node-3.' });
  expect(problem?.details[0]).toContain('node-1: No room. State: s Next: Make some.');
  expect(problem?.details[1]).toContain('node-3: The job accept-aside failed: Cannot read');
  expect(await logsOf(run)).toMatch(new RegExp(`node-3: .*${plantedAt}`));
});

test('a fault of the agent outside a job is in its log with file and line, and reaches the step that asked', async () => {
  const ask: Sketch = { id: 'ask', run: async () => platform.agent('node-1').disk() };
  const { run } = await start(world, runbookOf([ask]));
  expect(await agentLog('node-1')).toContain(plantedAt);
  expect(await logsOf(run)).toContain(plantedAt);
});

test('an agent that tells no trace is understood, and its problem arrives without one', async () => {
  const problem = { problem: 'failed', code: 'old', happened: 'Old.', state: 's', next: 'n' };
  const old = serve({
    fetch: () => Response.json({ id: 'x', status: { state: 'failed', problem, seconds: 1 } }),
    hostname: '127.0.0.1',
    port: 0,
  });
  servers.push(old);
  await once(old, 'listening');
  const url = `http://127.0.0.1:${(old.address() as AddressInfo).port}`;
  const agent = openNodeAgent({ node: 'node-1', url, token: async () => token, clock: systemClock });
  const follow = { signal: new AbortController().signal, progress: () => {} };
  const key = { run: 'accept-1', step: 'remove', epoch: 1 };
  await expect(agent.run(key, 'accept-aside', { run: 'r' }, follow)).rejects.toMatchObject({ code: 'old', trace: [] });
});

test('F1: no secret that was read is left behind in the bucket or by an agent, though every fault quotes them', async () => {
  const credentials = join(folder, 'credentials');
  const [key, secret, session] = ['AKIAPLANTED0001', 'planted/secret+access=key', 'planted-session-token'];
  const lines = [`aws_access_key_id = ${key}`, `aws_secret_access_key = ${secret}`, `aws_session_token = ${session}`];
  await writeFile(credentials, ['[default]', ...lines, ''].join('\n'));
  await readCredentials(credentials);
  await fileAuditSigner(join(folder, 'audit.key'), 'local');
  const pem = await readFile(join(folder, 'audit.key'), 'utf8');
  const [, body = ''] = pem.split('\n');
  const quoting = (where: string) =>
    new Error(`${where} ${key} ${encodeURIComponent(secret)} ${pem}`, {
      cause: new AggregateError(
        [new Error(`${session} Bearer ${token}`), new Error('ws://dana:planted-login@graph/')],
        secret,
      ),
    });
  job = () => {
    throw quoting('in the job');
  };
  const inStep: Sketch = {
    id: 'in-step',
    run: async ({ log }) => {
      log(`a line with ${secret} and ${token}`);
      throw new FailedProblem({
        code: 'c',
        happened: `${body} ${key}`,
        state: 's',
        next: 'n',
        cause: quoting('below'),
      });
    },
  };
  const { run } = await start(world, runbookOf([inJob, inStep]));
  const left = `${await everything()}\n${await logsOf(run)}`;
  expect(left).toContain('in the job');
  expect(left).toContain('below');
  for (const planted of [key, secret, encodeURIComponent(secret), session, body, token, 'planted-login']) {
    expect(left).not.toContain(planted);
  }
});
