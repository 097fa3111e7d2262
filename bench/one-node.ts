import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { type AgentConfig, agentConfig } from '../src/model/agent-config.ts';
import { openSandbox } from '../src/platforms/sandbox/platform.ts';
import type { JobKind, JobParams, JobResult } from '../src/ports/node-agent.ts';
import type { Platform } from '../src/ports/platform.ts';

const checkout = join(import.meta.dirname, '..');
const up = z.object({ nodes: z.tuple([z.object({ name: z.string(), dataDir: z.string(), agentPid: z.number() })]) });

/** An environment of one node in a home of its own. */
export interface OneNode {
  /** The part's own folder, on the file system of node and bucket; gone with the node. */
  readonly home: string;
  readonly platform: Platform;
  readonly agent: AgentConfig;
  readonly agentPid: number;
  readonly data: string;
  nodetool(...args: string[]): Promise<void>;
  /** One job of the agent, to its end. */
  job<K extends JobKind>(kind: K, params: JobParams[K]): Promise<JobResult[K]>;
}

/** Brings one node up, hands it over, and takes it down whatever happens, also when interrupted. */
export async function withOneNode<T>(work: (node: OneNode) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'cardea-bench-'));
  const before = process.env['CARDEA_HOME'];
  process.env['CARDEA_HOME'] = home;
  const cardea = (...args: string[]) => execa(join(checkout, 'cardea'), [...args, '--json'], { cwd: checkout });
  let platform: Platform | undefined;
  const end = async () => {
    await platform?.close();
    await cardea('sandbox', 'down', 'local', '--confirm', 'local');
    await rm(home, { recursive: true, force: true });
  };
  const interrupted = () => void end().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const { stdout } = await cardea('sandbox', 'up', 'local', '--nodes', '1');
    platform = openSandbox('local');
    const [node] = up.parse(JSON.parse(stdout)).nodes;
    const agent = agentConfig.parse(
      JSON.parse(readFileSync(join(home, 'local/nodes', node.name, 'conf/agent.json'), 'utf8')),
    );
    return await work(nodeOf({ home, platform, agent, agentPid: node.agentPid, data: node.dataDir }));
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await end();
    if (before === undefined) delete process.env['CARDEA_HOME'];
    else process.env['CARDEA_HOME'] = before;
  }
}

function nodeOf(parts: Omit<OneNode, 'nodetool' | 'job'>): OneNode {
  const { platform, agent } = parts;
  let jobs = 0;
  return {
    ...parts,
    async nodetool(...args) {
      const [program = '', ...where] = agent.cassandra.nodetool;
      await execa(program, [...where, ...args]);
    },
    async job(kind, params) {
      jobs += 1;
      const key = { run: `bench-${jobs}`, step: kind, epoch: 1 };
      return platform
        .agent(agent.node)
        .run(key, kind, params, { signal: new AbortController().signal, progress: () => {} });
    },
  };
}
