import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { waitFor } from '../../src/host/wait-for.ts';
import { marked } from '../../src/host/detached-process.ts';
import { folders } from '../../src/host/folders.ts';
import { readClaims } from '../../src/host/loopback.ts';
import { runningProcess } from '../../src/host/local-process.ts';
import { nodeFolders } from '../../src/platforms/sandbox/topology.ts';

const checkout = resolve(import.meta.dirname, '../..');
const main = join(checkout, 'src/cli/main.ts');
const home = mkdtempSync(join(tmpdir(), 'cardea-sandbox-'));
const directory = join(home, 'local');
const env = { CARDEA_HOME: home };
const up = ['sandbox', 'up', 'local', '--nodes', '1', '--json'];

const answer = z.object({
  gremlin: z.string().regex(/^ws:\/\/127\.\d+\.\d+\.\d+:8182\/gremlin$/),
  cassandra: z.array(z.string().regex(/^127\.\d+\.\d+\.1:9042$/)).length(1),
  bucket: z.string(),
  nodes: z.array(z.object({ host: z.string(), hostId: z.uuid(), dataDir: z.string(), pid: z.number() })).length(1),
  state: z.literal('up'),
  graph: z.object({ pid: z.number() }),
});

async function cardea(...args: string[]): Promise<string> {
  return (await execa(process.execPath, [main, ...args], { cwd: checkout, env })).stdout;
}

async function status() {
  return answer.parse(JSON.parse(await cardea('sandbox', 'status', 'local', '--json')));
}

function pids({ nodes, graph }: z.infer<typeof answer>): number[] {
  return [...nodes.map(({ pid }) => pid), graph.pid];
}

afterAll(async () => {
  await cardea('sandbox', 'down', 'local', '--confirm', 'local');
  rmSync(home, { recursive: true, force: true });
});

test('an up whose launcher is killed with SIGKILL is finished by the next one, with the processes that the first had started', async () => {
  const launcher = spawn(process.execPath, [main, ...up], {
    cwd: checkout,
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
  const { pidFile } = nodeFolders(directory, 'local-rack1-sts-0');
  const first = await waitFor(() => runningProcess(pidFile), { withinMs: 120_000, everyMs: 20 });
  launcher.kill('SIGKILL');
  await once(launcher, 'exit');
  const result = answer.parse(JSON.parse(await cardea(...up)));
  expect(result.nodes[0]?.pid).toBe(first?.pid);
});

test('status gives machines what they need: where to connect, the bucket, each node with its host id, folder and pid', async () => {
  const { nodes, bucket } = await status();
  expect(bucket).toBe(join(directory, 'bucket'));
  expect(existsSync(nodes[0]?.dataDir ?? '')).toBe(true);
  expect(statSync(join(directory, 'secrets', 'agent-token')).mode & 0o777).toBe(0o600);
});

test('a second up changes nothing', async () => {
  const before = await status();
  await cardea(...up);
  expect(pids(await status())).toEqual(pids(before));
});

test('an up in another shape is refused with exit code 3 and changes nothing', async () => {
  const before = await status();
  const refused = execa(process.execPath, [main, 'sandbox', 'up', 'local', '--nodes', '3'], { cwd: checkout, env });
  await expect(refused).rejects.toMatchObject({ exitCode: 3, stderr: expect.stringContaining('cardea sandbox down') });
  expect(pids(await status())).toEqual(pids(before));
});

test('an up with a changed configuration starts the agents anew with what can be followed, and names what cannot', async () => {
  const before = await status();
  const config = join(home, 'changed.config.ts');
  const platform = `{ kind: 'sandbox', heapMb: 400 }`;
  const rest = `datacenter: { name: 'hcd-lyon' }, backup: { log: { interval: '1s' } }`;
  writeFileSync(
    config,
    `export default { name: 'janusgraph-banking', environments: { local: { platform: ${platform}, ${rest} } } };`,
  );
  const changed = ['--config', config];
  const { agentConfig, agentPidFile } = nodeFolders(directory, 'local-rack1-sts-0');
  const agent = runningProcess(agentPidFile);
  const { stdout, stderr } = await execa(process.execPath, [main, ...changed, ...up], { cwd: checkout, env });
  expect(JSON.parse(stdout)).toMatchObject({
    changes: [
      { key: 'platform.heapMb', was: '384', is: '400', obstacle: 'its nodes run' },
      { key: 'datacenter.name', was: 'hcd-paris', is: 'hcd-lyon', takes: 'environment' },
      { key: 'backup.log.interval', was: '250ms', is: '1s' },
    ],
  });
  expect(stderr).toContain('backup.log.interval is 1s from now on (it was 250ms)');
  expect(stderr).toContain('cardea sandbox down local --confirm local');
  expect(pids(await status())).toEqual(pids(before));
  expect(runningProcess(agentPidFile)?.pid).not.toBe(agent?.pid);
  expect(JSON.parse(readFileSync(agentConfig, 'utf8'))).toMatchObject({ shipping: { intervalMs: 1000 } });
  const left = z.object({ changes: z.array(z.object({ key: z.string() })) });
  const known = left.parse(JSON.parse(await cardea(...changed, 'sandbox', 'status', 'local', '--json')));
  expect(known.changes.map(({ key }) => key)).toEqual(['platform.heapMb', 'datacenter.name']);
  expect(await cardea(...changed, 'doctor', 'local')).toContain('platform.heapMb is 400 in the configuration');
  // With the file as it was, all is as it was.
  await cardea(...up);
  expect(JSON.parse(readFileSync(agentConfig, 'utf8'))).toMatchObject({ shipping: { intervalMs: 250 } });
});

test('an environment that is stopped with its data kept comes back as the same ring, and no log is missing', async () => {
  const before = await status();
  await cardea('sandbox', 'down', 'local', '--keep-data');
  expect(marked(directory)).toEqual([]);
  await cardea(...up);
  const after = await status();
  expect(after.nodes[0]?.hostId).toBe(before.nodes[0]?.hostId);
  expect(after.gremlin).toBe(before.gremlin);
  expect(pids(after)).not.toEqual(pids(before));
  // There is no base yet, so no instant either (exit code 1), but every stream is told.
  const { stdout } = await execa(process.execPath, [main, 'window', 'local', '--json'], {
    cwd: checkout,
    env,
    reject: false,
  });
  const { streams } = z
    .object({ streams: z.array(z.object({ newest: z.string(), problems: z.array(z.string()) })) })
    .parse(JSON.parse(stdout));
  expect(streams).toHaveLength(1);
  expect(streams[0]?.problems).toEqual([]);
});

test('an up stopped by Ctrl-C ends with 130 and says what runs on and how to go on', async () => {
  await cardea('sandbox', 'down', 'local', '--keep-data');
  const { pidFile } = nodeFolders(directory, 'local-rack1-sts-0');
  const { exitCode, stdout, stderr } = await stopped(up, () => runningProcess(pidFile));
  expect(exitCode).toBe(130);
  expect(stderr).toContain('Stopping; servers that were started keep running.');
  expect(JSON.parse(stdout).problem).toMatchObject({
    code: 'interrupted',
    state: expect.stringContaining('keep running'),
    next: expect.stringContaining('`cardea sandbox up local` continues from here'),
  });
  expect(runningProcess(pidFile)).toBeDefined();
});

test('a demo stopped by Ctrl-C removes what it had started, says so and ends with 130', async () => {
  const demo = join(home, 'demo');
  const { exitCode, stderr } = await stopped(['demo', '--nodes', '1'], () => marked(demo).at(0));
  expect(exitCode).toBe(130);
  expect(stderr).toContain('Stopped: `cardea demo` was stopped by Ctrl-C.');
  expect(stderr).toContain('What it had started is stopped and removed.');
  expect(stderr).not.toMatch(/unforeseen|\n\s+at /);
  expect(marked(demo)).toEqual([]);
  expect(existsSync(demo)).toBe(false);
});

/** Runs the command, presses Ctrl-C once the condition holds, and gives how it ended. */
async function stopped(args: readonly string[], condition: () => object | undefined) {
  const child = execa(process.execPath, [main, ...args], { cwd: checkout, env, reject: false });
  await waitFor(condition, { withinMs: 120_000, everyMs: 20 });
  child.kill('SIGINT');
  return child;
}

test('down leaves no process, no folder and no claim, and down again is no error', async () => {
  await cardea('sandbox', 'down', 'local', '--confirm', 'local');
  expect(marked(directory)).toEqual([]);
  expect(existsSync(directory)).toBe(false);
  expect(readClaims(folders().loopback).map((claim) => claim.directory)).not.toContain(directory);
  expect(await cardea('sandbox', 'down', 'local', '--confirm', 'local')).toContain('nothing to do');
});
