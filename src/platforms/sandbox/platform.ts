import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDatabase } from '../../adapters/cassandra/database.ts';
import { openGraphService } from '../../adapters/janusgraph/graph-service.ts';
import { openNodeAgent } from '../../adapters/node-agent/node-agent.ts';
import { systemClock } from '../../adapters/system/clock.ts';
import { RefusedProblem, UsageProblem } from '../../model/problem.ts';
import type { Database, DatabaseLifecycle } from '../../ports/database.ts';
import type { GraphLifecycle } from '../../ports/graph-service.ts';
import type { Copies, Platform } from '../../ports/platform.ts';
import { bucketOf } from './bucket-of.ts';
import { runningNodes, startRing, stopRing } from './cassandra-ring.ts';
import { copiesBeside } from './copies.ts';
import { readRecord } from './environment-record.ts';
import { folders } from '../../host/folders.ts';
import { graphRuns, startGraphServer, stopGraphServer } from './graph-server.ts';
import { acceptIndexAside, revertIndexAside, setIndexAside } from './index-aside.ts';
import type { LocalEnvironment } from './local-environment.ts';
import { startNodeAgents } from './node-agents.ts';
import { installedSandboxToolchain } from './sandbox-toolchain.ts';
import { databaseNodes, graphFolders, gremlinUrl, tokenFile } from './topology.ts';

/** Opens an environment that `sandbox up` made. Throws RefusedProblem `not-up`. */
export function openSandbox(name: string, project?: string): Platform {
  const directory = join(folders().home, name);
  const recorded = readRecord(directory);
  const record = recorded === undefined || project === undefined ? recorded : { ...recorded, project };
  const toolchain = installedSandboxToolchain();
  if (record === undefined || toolchain === undefined) {
    throw new RefusedProblem({
      code: 'not-up',
      happened:
        record === undefined
          ? `The environment ${name} does not exist in the sandbox.`
          : 'The programs of the sandbox are not installed.',
      state: 'Nothing was changed.',
      next: `Start it first: cardea sandbox up ${name}`,
    });
  }
  const environment = { directory, record, toolchain };
  return platformOf(
    environment,
    copiesBeside(environment, (copy) => platformOf(copy, noCopies(copy))),
  );
}

function platformOf(environment: LocalEnvironment, copies: Copies): Platform {
  const { record, directory } = environment;
  const nodes = databaseNodes(record);
  const bucket = bucketOf(record);
  const database = openDatabase({
    contactPoints: nodes.map((node) => `${node.address}:${node.cqlPort}`),
    localDatacenter: record.datacenter,
  });
  const graph = openGraphService({ urls: [gremlinUrl(record)] });
  return {
    environment: record.name,
    keyspace: record.graph.keyspace,
    indexBackend: record.graph.index,
    nodes,
    bucket,
    database,
    databaseLifecycle: databaseLifecycle(environment, database),
    graph,
    graphLifecycle: graphLifecycle(environment),
    agent(name) {
      const node = nodes.find((each) => each.name === name);
      if (node === undefined) throw unknownNode(record.name, name, nodes);
      const token = async () => (await readFile(tokenFile(directory), 'utf8')).trim();
      return openNodeAgent({ node: name, url: node.agent, token, clock: systemClock });
    },
    ensureAgents: async (signal) => startNodeAgents(environment, signal),
    copies,
    async close() {
      await Promise.all([database.close(), graph.close(), bucket.close()]);
    },
  };
}

function databaseLifecycle(environment: LocalEnvironment, database: Database): DatabaseLifecycle {
  return {
    startAll: async (signal, only) => startRing(environment, { signal, ...(only === undefined ? {} : { only }) }),
    stopAll: async (signal) => {
      signal.throwIfAborted();
      // A session from before the nodes stopped would believe for a second that they are still down after they are
      // back.
      await database.close();
      await stopRing(environment);
    },
    running: async () => runningNodes(environment),
  };
}

function graphLifecycle(environment: LocalEnvironment): GraphLifecycle {
  const place = graphFolders(environment.directory);
  return {
    startAll: async (signal) => startGraphServer(environment, { signal }),
    stopAll: async (signal) => {
      signal.throwIfAborted();
      await stopGraphServer(environment);
    },
    running: async () => graphRuns(environment),
    setIndexAside: async (run) => setIndexAside(place, run),
    acceptIndexAside: async (run) => acceptIndexAside(place, run),
    revertIndexAside: async (run, options) => revertIndexAside(place, run, options),
  };
}

/** A copy has no copies of its own: nothing backs it up. */
function noCopies({ record }: LocalEnvironment): Copies {
  return {
    async prepare() {
      throw new UsageProblem({
        code: 'copy-of-copy',
        happened: `${record.name} is itself a copy, and a copy cannot be copied.`,
        state: 'Nothing was changed.',
        next: 'Make the copy from the environment that was backed up.',
      });
    },
    open: async () => undefined,
    remove: async () => {},
    connectionsToLive: async () => [],
    list: async () => [],
  };
}

function unknownNode(environment: string, name: string, nodes: ReadonlyArray<{ readonly name: string }>): UsageProblem {
  return new UsageProblem({
    code: 'unknown-node',
    happened: `${environment} has no node "${name}".`,
    state: 'Nothing was changed.',
    next: `Name one of ${nodes.map((node) => node.name).join(', ')}.`,
  });
}
