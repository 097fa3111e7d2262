import { FailedProblem } from '../../model/problem.ts';
import type { JobParams, JobResult } from '../../ports/node-agent.ts';
import type { Platform } from '../../ports/platform.ts';
import { askEachNode, type NodeJobCall, oneNode, onEachNode } from './each-node.ts';
import { lostOptions } from './kept-data.ts';

export interface Placing {
  readonly files: (node: string) => JobParams['restore-files'];
  /** Absent where none are placed, or not yet. */
  readonly logs?: ((node: string) => JobParams['place-logs']) | undefined;
  /** The nodes have been started on the files since, without log: what they made then cannot be made again on one of them alone. */
  readonly once: boolean;
}

export interface PlacedLook {
  readonly node: string;
  readonly result: JobResult['look-placed'];
}

/**
 * Asked before a restore starts a server: whether what it has placed lies on every node's disk still. A node whose disk was replaced since gets it
 * again from the store; started as it is, it would be an empty node. Resolves with what lies there then. Throws FailedProblem `placed-gone` where it
 * cannot be placed again.
 */
export async function placeWhatIsGone(
  work: NodeJobCall & { readonly environment: string },
  platform: Platform,
  { files, logs, once }: Placing,
): Promise<{ readonly looks: readonly PlacedLook[]; readonly again: readonly string[] }> {
  const look = async () =>
    onEachNode(platform, work, 'look-placed', (node) => ({
      files: files(node),
      ...(logs === undefined ? {} : { logs: logs(node) }),
    }));
  const looks = await look();
  const gone = new Map(
    looks.filter(({ result }) => !result.files || !result.logs).map((each) => [each.node, each.result]),
  );
  if (gone.size === 0) return { looks, again: [] };
  const names = [...gone.keys()];
  if (once) throw placedGone(work, names);
  work.log?.(`${names.join(', ')} lost what was placed there, and get it again`);
  await askEachNode(platform, work, 'Placing again on the disk', async (node) => {
    const found = gone.get(node);
    if (found === undefined) return;
    if (!found.files) await oneNode(platform, work, node, 'restore-files', files(node));
    if (logs !== undefined) await oneNode(platform, work, node, 'place-logs', logs(node));
  });
  const then = await look();
  const still = then.filter(({ result }) => !result.files || !result.logs).map(({ node }) => node);
  if (still.length > 0) throw placedGone(work, still);
  return { looks: then, again: names };
}

function placedGone(
  { run, environment }: { readonly run: string; readonly environment: string },
  nodes: readonly string[],
) {
  const revert = `cardea restore revert ${run} --confirm ${environment}`;
  const giveUp = `cardea restore accept ${run} ${lostOptions(nodes)} --confirm ${environment}`;
  return new FailedProblem({
    code: 'placed-gone',
    happened: `On ${nodes.join(', ')} nothing lies any more of what ${run} had placed: the disk was replaced or emptied since.`,
    state: `No server was started on an empty disk. The data of ${environment} is half in place.`,
    next: `Bring the old data back: ${revert}. Where that is refused because the node has lost what it kept, too, give this restore up (${giveUp}), and restore anew.`,
  });
}
