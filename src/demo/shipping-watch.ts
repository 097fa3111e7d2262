import { FailedProblem } from '../model/problem.ts';
import { waitFor } from '../host/wait-for.ts';
import { onlyLooking, requireHealthyRing } from '../runbooks/steps/ring-check.ts';
import { currentTimeline } from '../runbooks/catalog/timeline-record.ts';
import type { Scene } from './scene.ts';
import { type Watch, watchWatermarks } from './watermark-watch.ts';

/** Begins to measure how long a transaction takes from its acknowledgement into the bucket. Throws FailedProblem `not-shipping`. */
export async function watchShipping({ platform, environment, clock, signal }: Scene): Promise<Watch> {
  const { members } = await requireHealthyRing(platform, onlyLooking);
  const replicas = Math.min(environment.janusgraph.replicationFactor, platform.nodes.length);
  const watch = watchWatermarks({
    bucket: platform.bucket,
    clock,
    timeline: await currentTimeline(platform.bucket),
    hostIds: [...members.values()].map(({ hostId }) => hostId),
    writeQuorum: Math.floor(replicas / 2) + 1,
  });
  const begun = await waitFor(() => (watch.looks().length > 0 ? true : undefined), { withinMs: 30_000, signal });
  if (begun) return watch;
  await watch.stop();
  throw new FailedProblem({
    code: 'not-shipping',
    happened: 'The agents did not begin to ship the commit log within 30 s.',
    state: 'The graph is loaded and the application is writing.',
    next: 'Read the logs of the agents to find the reason.',
  });
}
