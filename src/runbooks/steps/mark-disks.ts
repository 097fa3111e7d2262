import type { RunbookServices } from '../services.ts';
import { type NodeJobCall, onEachNode } from './each-node.ts';
import { emptyResult, standardRetry } from './standard-steps.ts';

/** Done once, before anything is stopped: a disk without the mark is not the one that was there then, whatever the agent remembers. */
export const markDisksStep = {
  id: 'mark-disks',
  title: 'Leave a mark on every disk, so that one that is replaced is told from it',
  effect: 'write',
  timeout: '5m',
  retry: standardRetry,
  result: emptyResult,
} as const;

/** `keep`: runs whose marks are still asked for. */
export async function markDisks(
  context: NodeJobCall & { readonly services: RunbookServices },
  keep: readonly string[],
): Promise<Record<string, never>> {
  await onEachNode(context.services.platform, context, 'mark-disk', () => ({ run: context.run, keep }));
  return {};
}
