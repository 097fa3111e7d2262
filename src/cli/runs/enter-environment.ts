import { bucketChanged } from '../../model/bucket-identity.ts';
import { UsageProblem } from '../../model/problem.ts';
import type { Platform } from '../../ports/platform.ts';
import { askAgents, healthOf } from './agents-of.ts';

/**
 * What a run asks before it writes anything. Throws RefusedProblem `bucket-of-another-environment`, or `bucket-changed`
 * when agents remember another bucket; UsageProblem `run-of-another-environment`. Agents that do not answer are left
 * out: if one of them has seen a higher epoch, it refuses its first job, and a resume goes above it.
 */
export async function enterEnvironment(
  platform: Pick<Platform, 'environment' | 'bucket' | 'nodes' | 'agent'>,
  environment: string,
): Promise<{ readonly highestEpoch: number }> {
  if (environment !== platform.environment) throw otherEnvironment(environment, platform.environment);
  const [identity, agents] = await Promise.all([platform.bucket.look(), askAgents(platform)]);
  const healths = healthOf(agents);
  const strangers = healths.filter(({ bucket }) => typeof bucket?.id === 'string' && bucket.id !== identity?.id);
  const [first] = strangers;
  if (first !== undefined) {
    throw bucketChanged(platform.bucket.description, {
      who: `${strangers.length === 1 ? 'The agent' : 'The agents'} of ${strangers.map(({ node }) => node).join(', ')} ${strangers.length === 1 ? 'remembers' : 'remember'}`,
      remembered: [...new Set(strangers.map(({ bucket }) => bucket?.id))].join(' or '),
      found: identity?.id,
      environment,
    });
  }
  return { highestEpoch: Math.max(0, ...healths.map(({ highestEpoch }) => highestEpoch)) };
}

function otherEnvironment(environment: string, opened: string): UsageProblem {
  return new UsageProblem({
    code: 'run-of-another-environment',
    happened: `The run is of ${environment}, but it lies in the bucket of ${opened}.`,
    state: 'Nothing was changed.',
    next: `It cannot be carried on from there. See what it did: cardea runs ${opened}.`,
  });
}
