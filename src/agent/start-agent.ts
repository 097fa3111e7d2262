import { faultMessage } from '../model/fault-message.ts';
import { readFile, stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { z } from 'zod';
import { openCassandraNode } from '../adapters/cassandra-node/cassandra-node.ts';
import { openMedusa } from '../adapters/medusa/medusa.ts';
import { openJsonLog } from '../adapters/node-files/json-log.ts';
import { openNodeFiles } from '../adapters/node-files/node-files.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { systemIds } from '../adapters/system/ids.ts';
import { type AgentConfig, agentConfig } from '../model/agent-config.ts';
import { tracedDocument } from '../model/fault-trace.ts';
import { FailedProblem, UsageProblem, asProblem } from '../model/problem.ts';
import { rememberSecret } from '../model/secrets.ts';
import { agentServer } from './agent-server.ts';
import { admission, bindAgent, bucketPinIn } from '../node/bucket-binding.ts';
import { diskReport } from '../node/disk-report.ts';
import { stillThere } from '../node/jobs/still-there.ts';
import { jobRunners } from '../node/jobs/job-runners.ts';
import { jobStoreIn } from '../node/job-store.ts';
import { JobTable } from '../node/job-table.ts';
import type { NodeParts } from '../node/node-parts.ts';
import { ownBucket } from '../ports/own-bucket.ts';
import { patientStore } from '../ports/patient-store.ts';
import { openStore } from '../platforms/open-store.ts';
import type { AgentLog } from '../ports/agent-log.ts';
import { openShipping } from './open-shipping.ts';

/**
 * Runs the agent that the configuration file describes until the signal fires. Then its jobs are ended (they are lost,
 * and run again when asked for again) and its port is closed. Throws UsageProblem `bad-agent-config`, FailedProblem
 * `cannot-listen`.
 */
export async function startAgent(configFile: string, life: AgentLife): Promise<void> {
  const config = await readConfig(configFile);
  const token = await readToken(config.tokenFile);
  const log = openJsonLog(join(config.stateDirectory, 'agent.log'));
  const fell = (thrown: unknown) =>
    log.write('agent fell', { problem: tracedDocument(asProblem(thrown, `The agent of ${config.node} fell`)) });
  // Only looks on: what ends the process otherwise ends it here too, and then the log says why.
  process.on('uncaughtExceptionMonitor', fell);
  try {
    await live(config, { ...life, token, log });
  } catch (thrown) {
    fell(thrown);
    throw thrown;
  } finally {
    process.off('uncaughtExceptionMonitor', fell);
  }
}

interface AgentLife {
  readonly version: string;
  readonly signal: AbortSignal;
  readonly onListening?: (url: string) => void;
}

async function live(
  config: AgentConfig,
  { version, signal, onListening, token, log }: AgentLife & { readonly token: string; readonly log: AgentLog },
): Promise<void> {
  const state = config.stateDirectory;
  const files = openNodeFiles(join(state, 'hashes.json'));
  const store = openStore(config.store);
  const pin = bucketPinIn(state, files, config.node);
  await pin.load();
  const owner = { environment: config.bucketOf ?? config.environment, project: config.project };
  const bucket = ownBucket(store, { owner, clock: systemClock, ids: systemIds, pin });
  const patient = patientStore(bucket, systemClock);
  const tool = await openMedusa(config, { bucket: patient, files, folder: join(state, 'medusa') });
  // Processes that a killed agent left running are ended before anything else.
  await tool.endLeftOver();
  const parts: NodeParts = {
    node: config.node,
    clock: systemClock,
    bucket,
    tool,
    database: openCassandraNode(config),
    files,
    directories: directoriesOf(config),
  };
  const shipping = openShipping(config, parts, log);
  const runners = jobRunners(parts, shipping);
  const jobs = new JobTable({
    store: jobStoreIn(state, files),
    runners,
    clock: systemClock,
    log,
    environment: owner.environment,
    admit: admission(bucket, systemClock),
    stillThere: stillThere(parts),
  });
  await jobs.recover();
  const storeDirectory = config.store.kind === 'directory' ? config.store.path : undefined;
  const app = agentServer({
    node: config.node,
    version,
    token,
    jobs,
    disk: async () => diskReport(parts, storeDirectory),
    bucket: () => pin.known,
    bind: async (binding) => bindAgent({ bucket: store, owner, pin, node: config.node, jobs, shipping }, binding),
    ...(shipping === undefined ? {} : { shipping: () => shipping.health() }),
    clock: systemClock,
    log,
  });

  const server = serve({ fetch: app.fetch, hostname: config.listen.host, port: config.listen.port });
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', (cause) => reject(cannotListen(config, cause)));
  });
  const { port } = server.address() as AddressInfo;
  log.write('agent started', { node: config.node, version, pid: process.pid, port });
  await shipping?.start();
  onListening?.(`http://${config.listen.host}:${port}`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

  await jobs.stop();
  await shipping?.stop();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    if ('closeAllConnections' in server) server.closeAllConnections();
  });
  await bucket.close();
  log.write('agent stopped', { node: config.node });
}

async function readConfig(file: string): Promise<AgentConfig> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw badConfig(file, faultMessage(cause));
  }
  const parsed = agentConfig.safeParse(value);
  if (!parsed.success) throw badConfig(file, z.prettifyError(parsed.error));
  if (parsed.data.cassandra.dataDirectories.length > 1) {
    throw badConfig(file, 'cassandra.dataDirectories names several directories, but Medusa backs up only one');
  }
  return parsed.data;
}

async function readToken(file: string): Promise<string> {
  const token = await readFile(file, 'utf8').then(
    (text) => text.trim(),
    (cause: unknown) => {
      throw badConfig(file, faultMessage(cause));
    },
  );
  if (token.length < 16) throw badConfig(file, 'the token is shorter than 16 characters');
  if (((await stat(file)).mode & 0o077) !== 0)
    throw badConfig(file, 'other users can read the token; its mode must be 0600');
  rememberSecret(token);
  return token;
}

function directoriesOf({ cassandra }: AgentConfig): NodeParts['directories'] {
  const [data = ''] = cassandra.dataDirectories;
  return {
    data,
    commitlog: cassandra.commitlogDirectory,
    hints: cassandra.hintsDirectory,
    savedCaches: cassandra.savedCachesDirectory,
    aside: cassandra.asideDirectory,
  };
}

function badConfig(file: string, why: string): UsageProblem {
  return new UsageProblem({
    code: 'bad-agent-config',
    happened: `The configuration file ${file} of the agent cannot be used: ${why}.`,
    state: 'The agent was not started.',
    next: 'The platform writes this file: start the environment again, or correct the file (its form is in src/model/agent-config.ts).',
  });
}

function cannotListen({ listen }: AgentConfig, cause: unknown): FailedProblem {
  return new FailedProblem({
    code: 'cannot-listen',
    happened: `The agent cannot listen at ${listen.host}:${listen.port}: ${cause instanceof Error ? cause.message : String(cause)}.`,
    state: 'The agent was not started.',
    next: 'Check whether another agent is running there, and stop it.',
    cause,
  });
}
