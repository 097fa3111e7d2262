import type { VerifiedStream } from '../../commitlog/verified-stream.ts';
import { formatSeconds } from '../../model/duration.ts';
import { formatInstant } from '../../model/instant.ts';
import type { WindowReport } from '../../model/window.ts';
import type { RecoveryFacts } from './recovery-facts.ts';
import { ringOn } from './ring-change.ts';
import type { WindowPath } from './window-path.ts';

/**
 * Microseconds. A stream without news for this long has stopped, whatever its agent says. An agent writes several times
 * a second.
 */
const silence = 60_000_000;

type Line = WindowReport['streams'][number];

/** One line for each node that ships, or should ship, on the path's last timeline. */
export function windowStreams(path: WindowPath, facts: RecoveryFacts, current: boolean): Line[] {
  const log = path.logs.at(-1);
  const streams = log?.streams ?? [];
  const lines = streams.map((stream) => lineOf(stream, facts, path, current));
  const newestPoint = [...path.points.values()][0];
  const ring =
    newestPoint === undefined
      ? []
      : ringOn(path.timeline, newestPoint, facts.points, log).map((node, at) => ({
          hostId: node.hostId,
          node: newestPoint.nodes[at]?.node ?? node.hostId,
        }));
  const silent = ring.filter(({ hostId }) => !streams.some((stream) => stream.hostId === hostId));
  return [
    ...lines,
    ...silent.map(({ hostId, node }) => ({
      node,
      hostId,
      newest: null,
      lagSeconds: null,
      clockLead: 0,
      ...(current ? { stopped: true as const } : {}),
      problems: [
        `its log is not shipped on ${path.timeline}${current ? `; start it: cardea ship ${facts.environment}` : ''}`,
      ],
    })),
  ].sort((a, b) => (a.node < b.node ? -1 : 1));
}

function lineOf(
  stream: VerifiedStream,
  { environment, now, limits }: RecoveryFacts,
  { seenLead }: WindowPath,
  current: boolean,
): Line {
  const newest = stream.covered.at(-1)?.to;
  const lag = newest === undefined ? undefined : Math.max(0, now - newest);
  const clockLead = stream.watermark?.clockLead ?? 0;
  const problems = stream.faults.map(({ key, reason }) => (key === '' ? reason : `${key}: ${reason}`));
  const stopped = current && lag !== undefined && lag > silence;
  if (stopped) {
    const since = formatSeconds(lag / 1_000_000);
    problems.push(`shipping has stopped: nothing was shipped for ${since}; start it: cardea ship ${environment}`);
  }
  // One that ended before the newest base was taken stands in no restore's way.
  if (seenLead > limits.clockLead && clockLead * 1_000_000 > limits.clockLead) {
    problems.push(`writers' clocks run up to ${formatSeconds(clockLead)} ahead of this node's clock`);
  }
  for (const mark of stream.marks) problems.push(`${mark.what} at ${mark.at}: ${mark.reason}`);
  return {
    node: stream.node,
    hostId: stream.hostId,
    newest: newest === undefined ? null : formatInstant(newest),
    lagSeconds: lag === undefined ? null : lag / 1_000_000,
    clockLead,
    ...(stopped ? { stopped: true as const } : {}),
    problems,
  };
}
