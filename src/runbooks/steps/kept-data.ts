import { displacedName } from '../../model/displaced-name.ts';
import type { JobResult } from '../../ports/node-agent.ts';
import type { Platform } from '../../ports/platform.ts';
import { askEachNode, type NodeJobCall, onEachNode } from './each-node.ts';

export interface KeptData {
  readonly node: string;
  /** How far the moving aside has come there; null when nothing lies aside under the name. */
  readonly phase: JobResult['look-aside']['phase'];
  /** A revert has exchanged it there: what it displaced lies aside instead. */
  readonly exchanged: boolean;
}

/** What every node keeps of what was moved aside under the name, by a look at its disk. */
export async function lookAtKept(platform: Platform, call: NodeJobCall, aside: string): Promise<readonly KeptData[]> {
  const [kept, displaced] = [
    await onEachNode(platform, call, 'look-aside', () => ({ run: aside })),
    await onEachNode(platform, call, 'look-aside', () => ({ run: displacedName(aside) })),
  ];
  return kept.map(({ node, result: { phase } }) => ({
    node,
    phase,
    exchanged: displaced.find((each) => each.node === node)?.result.phase !== null,
  }));
}

/** Of everything that lies aside on the nodes, under whatever name: what is deleted or comes back is at most that. */
export async function bytesAside(platform: Platform, call: NodeJobCall): Promise<number> {
  const disks = await askEachNode(platform, call, 'Asking for the disk', async (node) => platform.agent(node).disk());
  return disks.reduce((sum, { value }) => sum + value.aside, 0);
}

/** Nodes on which neither what was moved aside nor what a revert has displaced lies: their disks were replaced or emptied since. */
export function lostNodes(kept: readonly KeptData[]): readonly string[] {
  return kept.filter(({ phase, exchanged }) => phase === null && !exchanged).map(({ node }) => node);
}

/** `--lost` for each, as a person types it. */
export function lostOptions(nodes: readonly string[]): string {
  return `--lost ${nodes.join(' ')}`;
}
