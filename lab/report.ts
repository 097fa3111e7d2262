import { join } from 'node:path';
import { logTail } from '../src/host/detached-process.ts';
import { lackingWorkloads } from './engines/addon.ts';
import { labAddons } from './engines/addons.ts';
import { ports } from './addresses.ts';
import { isNodeReady } from './node-ready.ts';
import { findLab, type Lab } from './lab.ts';
import { type ServerState, stateOf } from './servers/server.ts';
import { labServers } from './servers/servers.ts';
import { type LabTool, toolPaths } from './building/tools.ts';

export type LabReport = { readonly state: 'down' } | RunningLab;

export interface RunningLab {
  /** `starting`: an `up` is at work, or was killed. `broken`: a server has ended, the node is not ready, or what runs as pods does not. */
  readonly state: 'up' | 'starting' | 'broken';
  readonly checkout: string;
  readonly server: string;
  readonly kubeconfig: string;
  /** Path of each tool that was built with the cluster. */
  readonly tools: Readonly<Record<LabTool, string>>;
  readonly logs: string;
  readonly memoryBytes: number;
  readonly servers: readonly ServerState[];
  /** What runs in the cluster as pods. */
  readonly engines: readonly EngineState[];
  /** Servers that ended by themselves, with the end of their logs. */
  readonly dead: ReadonlyArray<{ readonly title: string; readonly log: string; readonly end: readonly string[] }>;
}

interface EngineState {
  readonly title: string;
  readonly version: string;
  readonly namespace: string;
  /** Its workloads that do not run: `deployment/argocd-redis`. */
  readonly lacking: readonly string[];
}

/** What the lab is now. Changes nothing. */
export async function labReport(): Promise<LabReport> {
  const found = findLab();
  if (found === undefined) return { state: 'down' };
  const { lab, record } = found;
  const servers = labServers(lab).map((server) => stateOf(lab.places, server));
  const dead = record.complete ? servers.filter(({ pid }) => pid === null) : [];
  const [isReady, engines] = await Promise.all([isNodeReady(lab), engineStates(lab)]);
  const healthy = dead.length === 0 && isReady && engines.every(({ lacking }) => lacking.length === 0);
  return {
    state: record.complete ? (healthy ? 'up' : 'broken') : 'starting',
    checkout: record.checkout,
    server: `https://${record.hostAddress}:${ports.apiserver}`,
    kubeconfig: lab.places.kubeconfig,
    tools: toolPaths(lab.cache),
    logs: join(lab.places.logs),
    memoryBytes: servers.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    servers,
    engines,
    dead: dead.map(({ title, log }) => ({ title, log, end: logTail(log) })),
  };
}

async function engineStates(lab: Lab): Promise<readonly EngineState[]> {
  const addons = labAddons(lab.cache).filter(({ workloads }) => workloads.length > 0);
  return Promise.all(
    addons.map(async ({ title, version, workloads }) => ({
      title,
      version,
      namespace: workloads[0]?.namespace ?? '',
      lacking: (await lackingWorkloads(lab.kubectl, workloads)).map(({ name }) => name),
    })),
  );
}
