import { type BucketIdentity, ownerText } from '../../../model/bucket-identity.ts';
import type { AskedAgent } from '../../runs/agents-of.ts';
import type { Paint } from '../../terminal/output.ts';
import { table } from '../../terminal/table.ts';

export interface SeenAgents {
  readonly environment: string;
  readonly description: string;
  readonly identity: BucketIdentity | undefined;
  readonly asked: readonly AskedAgent[];
}

export function agentsText({ environment, description, identity, asked }: SeenAgents, paint: Paint): string {
  const bucket =
    identity === undefined
      ? `${description}: nothing was written there yet`
      : `${description}: bucket ${identity.id} of ${ownerText(identity)}, since ${identity.madeAt}`;
  const agents = table(
    asked,
    [
      { title: 'agent', cell: ({ node }) => node },
      {
        title: 'bucket',
        cell: ({ health }) => ('highestEpoch' in health ? bucketCell(health.bucket?.id, identity) : ''),
      },
      {
        title: 'epoch',
        right: true,
        cell: ({ health }) => ('highestEpoch' in health ? String(health.highestEpoch) : ''),
      },
      {
        title: 'jobs',
        right: true,
        cell: ({ health }) => ('highestEpoch' in health ? String(health.runningJobs) : ''),
      },
      {
        title: 'shipping',
        cell: ({ health }) =>
          'highestEpoch' in health
            ? [health.shipping?.state ?? 'none', health.shipping?.timeline ?? ''].join(' ').trim()
            : paint('red', 'does not answer'),
      },
    ],
    paint,
  );
  const problems = asked.flatMap(({ node, health }) => {
    const says = 'highestEpoch' in health ? health.shipping?.problem : health.happened;
    return says === undefined ? [] : [`${node}: ${says}`];
  });
  const others = asked.some(({ health }) => 'highestEpoch' in health && isOther(health.bucket?.id, identity));
  return [
    bucket,
    '',
    agents,
    ...(problems.length === 0 ? [] : ['', ...problems]),
    ...(others
      ? [
          '',
          `Agents work for another bucket. If that is lost, bind them to this one: cardea agents bind ${environment} --confirm ${environment}`,
        ]
      : []),
  ].join('\n');
}

function isOther(id: string | null | undefined, identity: BucketIdentity | undefined): boolean {
  return typeof id === 'string' && id !== identity?.id;
}

function bucketCell(id: string | null | undefined, identity: BucketIdentity | undefined): string {
  if (id === undefined) return 'unknown';
  if (id === null) return 'none yet';
  return isOther(id, identity) ? `ANOTHER (${id})` : 'this one';
}
