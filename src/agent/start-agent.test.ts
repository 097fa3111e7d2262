import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { plantedAt, plantedFault } from '../../test/support/planted-fault.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import { startAgent } from './start-agent.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cardea-agent-'));
});
afterEach(async () => rm(folder, { recursive: true }));

/** The file of an agent whose Cassandra and Medusa are not there: it does not need them to start. */
async function configFile(port: number): Promise<string> {
  const at = (name: string) => join(folder, name);
  const config: AgentConfig = {
    node: 'node-1',
    environment: 'local',
    listen: { host: '127.0.0.1', port },
    tokenFile: at('token'),
    stateDirectory: at('state'),
    cassandra: {
      yaml: at('cassandra.yaml'),
      dataDirectories: [at('data')],
      commitlogDirectory: at('commitlog'),
      hintsDirectory: at('hints'),
      savedCachesDirectory: at('saved_caches'),
      asideDirectory: at('aside'),
      cqlAddress: '127.0.0.1',
      cqlPort: 1,
      nodetool: ['false'],
      pidFile: at('pid'),
      lockFile: at('lock'),
    },
    medusa: { executable: 'false', nodetoolDirectory: folder, bandwidth: 0 },
    store: { kind: 'directory', path: at('bucket') },
  };
  await Promise.all(['state', 'bucket', 'data'].map(async (name) => mkdir(at(name))));
  await writeFile(at('token'), 'a-token-of-the-test-environment\n', { mode: 0o600 });
  await writeFile(at('agent.json'), JSON.stringify(config));
  return at('agent.json');
}

const agentLog = async () => readFile(join(folder, 'state', 'agent.log'), 'utf8');

test('an agent that falls says why in its log, with the trace of what it fell over', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  try {
    const file = await configFile(port);
    const started = startAgent(file, { version: '9.9.9', signal: new AbortController().signal });
    await expect(started).rejects.toMatchObject({ code: 'cannot-listen' });
  } finally {
    taken.close();
  }
  const last = JSON.parse((await agentLog()).trimEnd().split('\n').at(-1) ?? '') as object;
  expect(last).toMatchObject({
    event: 'agent fell',
    problem: {
      code: 'cannot-listen',
      trace: expect.arrayContaining([expect.stringContaining('EADDRINUSE')]) as unknown,
    },
  });
});

test('an exception that nobody catches is in the log of the agent, also when it ends the process', async () => {
  const stop = new AbortController();
  const listening = Promise.withResolvers<string>();
  const life = { version: '9.9.9', signal: stop.signal, onListening: listening.resolve };
  const before = process.listenerCount('uncaughtExceptionMonitor');
  const ended = startAgent(await configFile(0), life);
  await listening.promise;
  try {
    plantedFault();
  } catch (fault) {
    // As Node tells them before the exception takes its way.
    for (const told of process.listeners('uncaughtExceptionMonitor')) told(fault as Error, 'uncaughtException');
  }
  expect(await agentLog()).toContain(plantedAt);
  stop.abort();
  await ended;
  expect(process.listenerCount('uncaughtExceptionMonitor')).toBe(before);
});
