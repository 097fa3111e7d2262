import { formatBytes } from '../../../model/bytes.ts';
import { formatSeconds } from '../../../model/duration.ts';
import { formatInstant } from '../../../model/instant.ts';
import type { UndoAnalysis } from '../../../runbooks/undo/undo-analysis.ts';
import { noPaint, type Paint } from '../../terminal/output.ts';
import type { UndoWay } from './ways.ts';

/** The analysis for people: what is undone, what prevents it, and both ways. */
export function undoText(analysis: UndoAnalysis, ways: readonly UndoWay[], paint: Paint = noPaint): string {
  const { chosen, report, newest } = analysis;
  const { conflicts, conflictCount, related } = report;
  const one = chosen.groups.length === 1 ? 'group' : 'groups';
  return [
    `${paint('bold', `Undo of ${chosen.groups.length} ${one}`)} on ${analysis.timeline}, compared with the log up to ${formatInstant(newest)}.`,
    ...chosen.groups
      .slice(0, 20)
      .map(
        (group) =>
          `  ${group.id}: ${group.vertices.size} vertices, ${group.edges.size} edges, ${group.cells.length} cells`,
      ),
    ...(chosen.groups.length > 20 ? [`  … and ${chosen.groups.length - 20} more`] : []),
    conflictCount === 0
      ? paint('green', 'No later change depends on it.')
      : paint('red', `${conflictCount} later changes depend on it:`),
    ...conflicts.map(({ group, element, why }) => `  ${group} ${why}: ${element}`),
    ...(related.count === 0
      ? []
      : [
          `${related.count} later groups changed other things at the same vertices, and are kept: ${related.groups.slice(0, 5).join(', ')}`,
        ]),
    ...analysis.holes.map((hole) => paint('yellow', `WARNING: ${hole}; a conflict there would not be found.`)),
    '',
    ...ways.flatMap((each) => wayLines(each, paint)),
  ].join('\n');
}

function wayLines(each: UndoWay, paint: Paint): string[] {
  const head = paint('bold', `--way ${each.way}`);
  if (each.refused !== null) return [`${head}  ${paint('red', 'not possible')}: ${each.refused}`];
  const time = each.restoreSeconds === null ? 'a time that was never measured' : formatSeconds(each.restoreSeconds);
  const source = `${each.base} and ${formatBytes(each.replayBytes ?? 0)} of log`;
  return each.way === 'compensate'
    ? [
        `${head}  the graph keeps running`,
        `  a copy is restored from ${source} (${time}), then ${each.cells} cells are compared and written`,
      ]
    : [
        `${head}  the graph stops for ${time}, plus the replay`,
        `  everything except these is restored from ${source}; a new timeline begins`,
      ];
}
