import { lookAtUnfinishedRuns } from '../../runbook/unfinished-runs.ts';
import { listOpenRestores } from '../catalog/restore-catalog.ts';
import type { RunbookServices } from '../services.ts';
import { type NodeJobCall, onEachNode } from './each-node.ts';
import { emptyResult, standardRetry } from './standard-steps.ts';

/** A disk without the mark is not the one that was there before anything was stopped, whatever the agent remembers. */
export const markDisksStep = {
  id: 'mark-disks',
  title: 'Leave a mark on every disk, so that one that is replaced is told from it',
  effect: 'write',
  guard: 'until-stopped',
  timeout: '5m',
  retry: standardRetry,
  result: emptyResult,
} as const;

/**
 * Marks are asked for until their run has come to its end, and until what it moved aside is decided. Those of all other runs go. One that was
 * left keeps its marks also where nothing carries it on from here: another version of Cardea may.
 */
export async function markDisks(
  context: NodeJobCall & { readonly services: RunbookServices },
): Promise<Record<string, never>> {
  const { platform, clock } = context.services;
  const left = await lookAtUnfinishedRuns(platform.bucket, clock.now(), ['restore', 'revert']);
  const open = await listOpenRestores(platform.bucket);
  const asked = [...left.map(({ run }) => run), ...open.flatMap(({ run, deciding }) => [run, deciding ?? []].flat())];
  const keep = [...new Set(asked)].filter((run) => run !== context.run).toSorted();
  await onEachNode(platform, context, 'mark-disk', () => ({ run: context.run, keep }));
  return {};
}
