import { z } from 'zod';
import { faultTrace } from '../../model/fault-trace.ts';
import { asProblem } from '../../model/problem.ts';
import type { RolesOrigin } from '../../ports/node-agent.ts';
import type { Platform } from '../../ports/platform.ts';
import type { RunbookServices } from '../services.ts';
import { type NodeJobCall, oneNode } from './each-node.ts';
import { namesIn, nodeSet, nodeSetOf } from './node-set.ts';
import { nodesOf, someNames } from './some-names.ts';
import { standardRetry } from './standard-steps.ts';

/** Which nodes kept their roles and passwords, and which have those of the point: names of nodes. */
export interface RestoredRoles {
  readonly kept: readonly string[];
  readonly ofPoint: readonly string[];
  /** Some kept theirs and some did not: the replicas differ until they are repaired. */
  readonly differ: boolean;
}

/** As a step's result has room for it. */
export const rolesResult = z.object({ kept: nodeSet, ofPoint: nodeSet, differ: z.boolean() });
type RolesResult = z.infer<typeof rolesResult>;
/** As the steps of before had it. */
const wholeResult = z.object({ kept: z.array(z.string()), ofPoint: z.array(z.string()), differ: z.boolean() });

export function rolesAsResult(
  platform: Pick<Platform, 'nodes'>,
  { kept, ofPoint, differ }: RestoredRoles,
): RolesResult {
  return { kept: nodeSetOf(platform, kept), ofPoint: nodeSetOf(platform, ofPoint), differ };
}

/** From the results of a restore in place. */
export function rolesOf(platform: Pick<Platform, 'nodes'>, results: Readonly<Record<string, unknown>>): RestoredRoles {
  const said = z.object({ roles: z.union([wholeResult, rolesResult]) });
  // A node that lost its disk before it was started got its files once more, and the roles of the point with them.
  const { roles } = said.safeParse(results['start-database']).data ?? said.parse(results['restore-files']);
  return isWhole(roles)
    ? roles
    : { kept: namesIn(platform, roles.kept), ofPoint: namesIn(platform, roles.ofPoint), differ: roles.differ };
}

function isWhole(roles: RolesResult | z.infer<typeof wholeResult>): roles is z.infer<typeof wholeResult> {
  return Array.isArray(roles.kept);
}

/** Says for each node where roles and passwords came from. `ran`: the nodes that were drained, so that all they knew is in their files. */
export function restoredRoles(
  done: ReadonlyArray<{ readonly node: string; readonly result: { readonly roles?: RolesOrigin | undefined } }>,
  ran: readonly string[],
  log: (line: string) => void,
): RestoredRoles {
  const kept = done.flatMap(({ node, result }) => (result.roles?.from === 'living' ? [node] : []));
  const ofPoint = done.flatMap(({ node, result }) => (result.roles?.from === 'point' ? [node] : []));
  if (kept.length > 0) log(`roles and passwords are kept as they were on ${kept.join(', ')}`);
  for (const { node, result } of done) {
    if (result.roles?.from !== 'point') continue;
    log(
      `roles and passwords of ${node} are those of the point, and changes since are undone there: ${result.roles.why}`,
    );
  }
  const crashed = kept.filter((node) => !ran.includes(node));
  if (crashed.length > 0)
    log(
      `${crashed.join(', ')} did not run, so roles that were changed right before they went down may be missing there`,
    );
  return { kept, ofPoint, differ: kept.length > 0 && ofPoint.length > 0 };
}

/** For whoever asked for the restore; undefined when all is as it was. */
export function rolesWarning({ kept, ofPoint }: RestoredRoles): string | undefined {
  if (ofPoint.length === 0) return undefined;
  const where = kept.length === 0 ? '' : ` on ${ofPoint.join(', ')}, which had lost theirs`;
  return `Roles and passwords are those of the restore point${where}: set again those that were changed since.`;
}

interface Work extends NodeJobCall {
  readonly log: (line: string) => void;
  readonly services: RunbookServices;
  readonly results: { readonly 'start-database': { readonly roles: RolesResult } };
}

/**
 * A node that lost its disk has the roles of the point, and the others newer ones, which win wherever both are compared. A repair that fails
 * does not end the restore: the data is there, and nobody would be locked out.
 */
export const repairRolesStep = {
  id: 'repair-roles',
  title: 'Bring roles and passwords of the nodes that had lost theirs up to those of the others',
  effect: 'write',
  when: { result: 'start-database.roles.differ', is: true },
  timeout: '30m',
  retry: standardRetry,
  result: z.object({ repaired: someNames, failed: someNames }),
  run: async (work: Work) => {
    const repaired: string[] = [];
    const failed: string[] = [];
    const { ofPoint } = work.results['start-database'].roles;
    for (const node of namesIn(work.services.platform, ofPoint)) {
      try {
        await oneNode(work.services.platform, work, node, 'repair-roles', {});
        repaired.push(node);
      } catch (error) {
        work.signal.throwIfAborted();
        failed.push(node);
        work.log(
          `${node}: ${asProblem(error, 'Repairing roles').happened} Do it by hand: nodetool repair --full system_auth`,
        );
        for (const line of faultTrace(error)) work.log(`  ${line}`);
      }
    }
    if (repaired.length > 0) work.log(`repaired: ${repaired.join(', ')}`);
    return { repaired: nodesOf(repaired), failed: nodesOf(failed) };
  },
} as const;
