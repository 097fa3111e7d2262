import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RefusedProblem, UsageProblem } from '../../model/problem.ts';
import type { Copies, CopyLayout, Platform } from '../../ports/platform.ts';
import { endMarked, marked } from '../../host/detached-process.ts';
import { type EnvironmentRecord, readRecord, writeRecord } from './environment-record.ts';
import { environmentLock } from './environment-folder.ts';
import { folders } from '../../host/folders.ts';
import { withHostLock } from '../../host/host-lock.ts';
import type { LocalEnvironment } from './local-environment.ts';
import { claimNetwork, releaseNetwork } from '../../host/loopback.ts';
import { startNodeAgents } from './node-agents.ts';
import { connectionsOf } from './tcp-connections.ts';
import { graphAddress, nodeAddress } from './topology.ts';

/**
 * Copies of an environment. Each is a separate ring below the environment's folder, with its own network, cluster name,
 * agents and index, and the same bucket. Its nodes take the tokens of the backup's nodes, so that every file is on the
 * right node and all nodes start at once.
 */
export function copiesBeside(live: LocalEnvironment, open: (copy: LocalEnvironment) => Platform): Copies {
  const root = join(live.directory, 'copies');
  const folderOf = (name: string) => {
    if (!/^[a-z][a-z0-9-]{0,59}$/.test(name)) throw badName(name);
    return join(root, name);
  };
  const environmentOf = (name: string): LocalEnvironment | undefined => {
    const directory = folderOf(name);
    const record = readRecord(directory);
    return record === undefined ? undefined : { directory, record, toolchain: live.toolchain };
  };
  const ready = async (copy: LocalEnvironment) => {
    await startNodeAgents(copy, AbortSignal.timeout(60_000));
    return open(copy);
  };
  return {
    async prepare(name, layout) {
      const directory = folderOf(name);
      const lock = environmentLock(folders().home, `${live.record.name}~${name}`);
      return withHostLock(lock, { purpose: `preparing the copy ${name}`, withinMs: 60_000 }, async () => {
        const known = environmentOf(name);
        if (known !== undefined) {
          requireSameCopy(known.record, layout);
          return ready(known);
        }
        mkdirSync(directory, { recursive: true });
        const network = await claimNetwork(folders().loopback, directory);
        const record = copyRecord(live.record, name, network, layout);
        writeRecord(directory, record);
        return ready({ directory, record, toolchain: live.toolchain });
      });
    },
    async open(name) {
      const copy = environmentOf(name);
      // Only runs use a copy, and nobody else would start its agents for a run that resumes after they were killed.
      return copy === undefined ? undefined : ready(copy);
    },
    async remove(name) {
      const directory = folderOf(name);
      await endMarked(directory, 300);
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
      releaseNetwork(folders().loopback, directory);
    },
    async connectionsToLive(name) {
      const addresses = new Set([...live.record.nodes.map((node) => node.address), live.record.graph.address]);
      return connectionsOf(marked(folderOf(name)).map(({ pid }) => pid))
        .filter(({ remoteAddress }) => addresses.has(remoteAddress))
        .map(({ pid, local, remote }) => `${pid} ${local} ${remote}`);
    },
    async list() {
      if (!existsSync(root)) return [];
      return readdirSync(root).sort();
    },
  };
}

function copyRecord(live: EnvironmentRecord, name: string, network: string, layout: CopyLayout): EnvironmentRecord {
  const [first] = layout.nodes;
  const datacenters = new Set(layout.nodes.map((node) => node.datacenter));
  if (first === undefined || datacenters.size !== 1) throw badLayout(name, layout);
  return {
    name: `${live.name}~${name}`,
    ...(live.project === undefined ? {} : { project: live.project }),
    createdAt: new Date().toISOString(),
    network,
    cluster: `${live.cluster}~${name}`,
    // The graph's keyspace counts its replicas by datacenter, so that name is kept.
    datacenter: first.datacenter,
    heapMb: live.heapMb,
    nodes: layout.nodes.map((node, index) => ({
      name: `${name}-${node.rack}-sts-${layout.nodes.slice(0, index).filter((each) => each.rack === node.rack).length}`,
      rack: node.rack,
      address: nodeAddress(network, index),
      tokens: [...node.tokens],
    })),
    graph: { ...live.graph, address: graphAddress(network), keyspace: layout.keyspace },
    store: live.store,
    ownStoreServer: false,
    bandwidth: live.bandwidth,
    copy: { of: live.name, purpose: layout.purpose, run: layout.run },
  };
}

function requireSameCopy(known: EnvironmentRecord, layout: CopyLayout): void {
  const maker = known.copy?.run ?? layout.run;
  const tokens = (nodes: ReadonlyArray<{ readonly tokens: readonly string[] }>) =>
    JSON.stringify(nodes.map((node) => node.tokens));
  if (maker === layout.run && tokens(known.nodes) === tokens(layout.nodes)) return;
  throw new RefusedProblem({
    code: 'copy-exists',
    happened: `There is already a copy ${known.name}, made ${maker === layout.run ? 'for the ring of another restore point' : `by the run ${maker}`}.`,
    state: 'Nothing was changed.',
    next: `Choose another name, or remove that copy first: cardea sandbox down ${known.name} --confirm ${known.name}`,
  });
}

function badName(name: string): UsageProblem {
  return new UsageProblem({
    code: 'bad-copy-name',
    happened: `"${name}" is not a valid name for a copy.`,
    state: 'Nothing was changed.',
    next: 'Use lower-case letters, digits and dashes, at most 60, beginning with a letter.',
  });
}

function badLayout(name: string, layout: CopyLayout): RefusedProblem {
  return new RefusedProblem({
    code: 'bad-layout',
    happened: `The copy ${name} cannot be made: the backup has ${layout.nodes.length === 0 ? 'no nodes' : 'nodes in more than one datacenter, which the sandbox does not support'}.`,
    state: 'Nothing was changed.',
    next: 'Choose a restore point with one datacenter.',
  });
}
