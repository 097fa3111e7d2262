import { z } from 'zod';
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
  /** The data that was moved aside, or is live where none was, has what makes the node itself. */
  readonly itself: boolean;
  /** It is the disk that was there before anything was stopped. Of what lies aside it was seen when it was moved. */
  readonly marked: boolean;
  /** Of what a revert has displaced: whether a server of the graph may have run on it. */
  readonly whole: boolean | undefined;
}

/** Whether the run that moved data aside has marked the disks before: `unknown` where nothing tells of that run. */
export const disksMarked = z.enum(['yes', 'no', 'unknown']);
type DisksMarked = z.infer<typeof disksMarked>;

/** What every node keeps of what was moved aside under the name, by a look at its disk. `mark`: the run that has marked the disks. */
export async function lookAtKept(
  platform: Platform,
  call: NodeJobCall,
  { aside, mark }: { readonly aside: string; readonly mark: string },
): Promise<readonly KeptData[]> {
  const [kept, displaced] = [
    await onEachNode(platform, call, 'look-aside', () => ({ run: aside, mark })),
    await onEachNode(platform, call, 'look-aside', () => ({ run: displacedName(aside) })),
  ];
  return kept.map(({ node, result: { phase, itself, marked, whole } }) => ({
    node,
    phase,
    itself,
    marked,
    whole,
    exchanged: displaced.find((each) => each.node === node)?.result.phase !== null,
  }));
}

/** Of everything that lies aside on the nodes, under whatever name: what is deleted or comes back is at most that. */
export async function bytesAside(platform: Platform, call: NodeJobCall): Promise<number> {
  const disks = await askEachNode(platform, call, 'Asking for the disk', async (node) => platform.agent(node).disk());
  return disks.reduce((sum, { value }) => sum + value.aside, 0);
}

/**
 * Nodes that do not have the old data, neither aside nor in its place: their disks were replaced or emptied since, or
 * held none before. That nothing lies aside says that nothing was moved only of the disk that was there then, and only
 * where the run had not moved everything (`whole`): else the disk does not know any more what was moved, and what is
 * live on it is not the old data alone.
 */
export function lostNodes(
  kept: readonly KeptData[],
  { disks, whole }: { readonly disks: DisksMarked; readonly whole: boolean },
): readonly string[] {
  return kept
    .filter(({ phase, exchanged, itself, marked }) => {
      const untouched = phase === null && !exchanged;
      if (untouched && whole) return true;
      // Where a revert has exchanged the two, what it displaced shows that it is this disk.
      const mustBeMarked = untouched ? disks !== 'no' : disks === 'yes' && !exchanged;
      return !itself || (mustBeMarked && !marked);
    })
    .map(({ node }) => node);
}

/** `--lost` for each, as a person types it. */
export function lostOptions(nodes: readonly string[]): string {
  return `--lost ${nodes.join(' ')}`;
}
