import { formatSeconds, milliseconds } from '../../../model/duration.ts';
import { type Micros, instantOf } from '../../../model/instant.ts';
import type { WindowReport } from '../../../model/window.ts';
import { noPaint, type Paint } from '../../terminal/output.ts';

interface Look {
  readonly environment: string;
  readonly now: Micros;
  /** The environment's RPO, as the configuration writes it. */
  readonly objective: string;
}

/** How many entries of a long list are shown: the latest, which matter most. */
const shown = 6;

/** The window for people. The lines are short, because it may be read on a telephone; the answer comes first. */
export function windowText(report: WindowReport, look: Look, paint: Paint = noPaint): string {
  const blocks = [
    answer(report, look, paint),
    ...(report.warnings.length === 0
      ? []
      : [
          listed(
            'Warnings',
            report.warnings.map((line) => `! ${line}`),
            paint,
          ),
        ]),
    gapLines(report, paint),
    stretchLines(report, paint),
    uselessLines(report, paint),
    streamLines(report, paint),
    timelineLines(report, paint),
  ];
  return blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join('\n'))
    .join('\n\n');
}

function answer({ timeline, oldest, settled, newest, rpoSeconds }: WindowReport, look: Look, paint: Paint): string[] {
  const { environment, now, objective } = look;
  if (oldest === null || newest === null) {
    return [
      paint('red', `${environment} cannot be restored to an instant (timeline ${timeline}).`),
      `A disaster now would lose everything since the last restore point: cardea points ${environment}`,
    ];
  }
  const line = (word: string, at: string, more: string) => `  ${word.padEnd(7)}  ${at}  ${paint('dim', more)}`;
  const lines = [
    `${paint('bold', environment)} can be restored to any instant of ${timeline}`,
    line('from', oldest, ago(oldest, now)),
    line('to', newest, ago(newest, now)),
    settled === null
      ? line('settled', 'none yet'.padEnd(newest.length), 'the window is too young')
      : line('settled', settled, 'complete transactions up to here'),
  ];
  if (rpoSeconds === null) return [...lines, '', `${timeline} is closed; nothing is written to it any more.`];
  const late = rpoSeconds > milliseconds(objective) / 1000;
  const lost = `A disaster now would lose the last ${formatSeconds(rpoSeconds)}`;
  const verdict = late ? paint('red', `${lost}: over the objective of ${objective}.`) : paint('green', `${lost}.`);
  return [...lines, '', verdict];
}

function gapLines({ gaps, oldest }: WindowReport, paint: Paint): string[] {
  if (oldest === null) return [];
  if (gaps.length === 0) return ['No gaps.'];
  return listed(
    'Gaps: no instant in them can be restored',
    latest(gaps).flatMap(({ from, to, reason }) => [
      `after ${from}`,
      `up to ${to}  ${paint('dim', `(${formatSeconds((instantOf(to) - instantOf(from)) / 1_000_000)})`)}`,
      `  ${reason}`,
    ]),
    paint,
    gaps.length,
  );
}

function stretchLines({ stretches, bases }: WindowReport, paint: Paint): string[] {
  if (stretches.length === 0) return [];
  const proofs = new Map(bases.map(({ point, proof }) => [point, proof]));
  return listed(
    'Bases that a restore would use',
    latest(stretches).map(
      ({ from, base, timeline }) => `from ${from}  ${base} (${proofs.get(base) ?? '?'}, ${timeline})`,
    ),
    paint,
    stretches.length,
  );
}

function uselessLines({ bases }: WindowReport, paint: Paint): string[] {
  const useless = bases.filter(({ from }) => from === null);
  if (useless.length === 0) return [];
  const lines = useless.slice(0, shown).map(({ point, why }) => `${point}: ${why ?? 'no instant'}`);
  return listed('Points that cannot serve as a base', lines, paint, useless.length);
}

function streamLines({ streams, timeline, timelines }: WindowReport, paint: Paint): string[] {
  const closed = timelines.some(({ id, current }) => id === timeline && !current);
  const lines = streams.flatMap(({ node, newest, lagSeconds, problems }) => {
    const reach = closed || lagSeconds === null ? `up to ${newest ?? ''}` : `${formatSeconds(lagSeconds)} behind`;
    const word = newest === null ? paint('red', 'ships no log') : reach;
    return [`${node}  ${word}`, ...problems.slice(0, shown).map((problem) => `  ! ${problem}`)];
  });
  return lines.length === 0 ? [] : listed('Nodes', lines, paint);
}

/** The timelines as a tree: which one each began from, and when. */
function timelineLines({ timelines, timeline: looked }: WindowReport, paint: Paint): string[] {
  if (timelines.length < 2) return [];
  const known = new Set<string>(timelines.map(({ id }) => id));
  const below = (parent: string | null, depth: number): string[] =>
    timelines
      .filter((each) => (each.parent !== null && known.has(each.parent) ? each.parent : null) === parent)
      .flatMap((each) => {
        const indent = '  '.repeat(depth);
        const state = each.current ? paint('green', 'open') : 'closed';
        const here = each.id === looked ? ' ←' : '';
        const fork = each.forkedAt === null ? [] : [`${indent}    from ${each.parent ?? ''} at ${each.forkedAt}`];
        const without = each.exclusions.map((slot) => `${indent}    without the transaction of ${slot}`);
        return [`${indent}${each.id}  ${state}  ${each.why}${here}`, ...fork, ...without, ...below(each.id, depth + 1)];
      });
  return listed('Timelines', below(null, 0), paint);
}

function listed(title: string, lines: readonly string[], paint: Paint, all = 0): string[] {
  const more = all > shown ? [paint('dim', `  (${all - shown} more: --json)`)] : [];
  return [paint('bold', title), ...lines.map((line) => `  ${line}`), ...more];
}

function latest<Item>(items: readonly Item[]): readonly Item[] {
  return items.slice(-shown);
}

function ago(instant: string, now: Micros): string {
  return `${formatSeconds(Math.max(0, (now - instantOf(instant)) / 1_000_000))} ago`;
}
