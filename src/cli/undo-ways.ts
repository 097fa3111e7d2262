import { leftCells } from '../graph/transactions/compensation.ts';
import { formatBytes } from '../model/bytes.ts';
import { formatSeconds } from '../model/duration.ts';
import { formatInstant, instantOf } from '../model/instant.ts';
import { Problem } from '../model/problem.ts';
import { type BaseChoice, chooseBase } from '../runbooks/choose-base.ts';
import { planLogs } from '../runbooks/log-plan.ts';
import type { RecoveryFacts } from '../runbooks/recovery-facts.ts';
import { requireNoConflicts, requireWholeSlots, slotsOf, type UndoAnalysis } from '../runbooks/undo-analysis.ts';
import { mostCells } from '../runbooks/undo-plan.ts';
import { computeWindow } from '../runbooks/window.ts';
import { noPaint, type Paint } from './output.ts';
import { measuredRestore } from './points-table.ts';

/** What one way of an undo takes. */
export interface UndoWay {
  readonly way: 'compensate' | 'restore';
  /** Why it is not possible; null when it is. */
  readonly refused: string | null;
  readonly base: string | null;
  /** Plain bytes of log that are replayed over the base. */
  readonly replayBytes: number | null;
  /** As the last rehearsal of the base measured, without the replay; null when it was never rehearsed. */
  readonly restoreSeconds: number | null;
  /** Whether the graph stops for that long. */
  readonly outage: boolean;
  /** Cells that are compared and written; 0 for a restore. */
  readonly cells: number;
  readonly choice: BaseChoice | undefined;
}

/** Both ways with what they cost, from what is in the store. Pure. */
export function undoWays(
  analysis: UndoAnalysis,
  facts: RecoveryFacts,
  environment: string,
): readonly [UndoWay, UndoWay] {
  const { timeline, before } = analysis;
  const cells = leftCells(analysis.chosen);
  const compensate = (): BaseChoice => {
    requireNoConflicts(analysis, environment);
    return chooseBase(facts, { instant: before, timeline });
  };
  const restore = (): BaseChoice => {
    requireNoConflicts(analysis, environment);
    requireWholeSlots(analysis);
    const { newest } = computeWindow(facts, timeline);
    const instant = newest === null ? analysis.newest : instantOf(newest);
    return chooseBase(facts, { instant, timeline, exclusions: slotsOf(analysis) });
  };
  const size = cells.cells.length + cells.undecided.length;
  const tooLarge = size > mostCells ? `${size} cells are more than one transaction is made of` : undefined;
  const rows = cells.rows.length > 0 ? 'whole rows were removed at once' : undefined;
  return [
    { ...wayOf('compensate', facts, compensate, tooLarge ?? rows), outage: false, cells: size },
    { ...wayOf('restore', facts, restore), outage: true, cells: 0 },
  ];
}

function wayOf(way: UndoWay['way'], facts: RecoveryFacts, decide: () => BaseChoice, refused?: string) {
  try {
    const choice = decide();
    const { strands } = planLogs(facts, choice);
    const objects = strands.flatMap(({ streams }) => streams.flatMap((stream) => stream.objects));
    return {
      way,
      refused: refused ?? null,
      base: choice.point.id as string,
      replayBytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
      restoreSeconds: measuredRestore(choice.point) ?? null,
      choice,
    };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { way, refused: error.happened, base: null, replayBytes: null, restoreSeconds: null, choice: undefined };
  }
}

/** The analysis for people: what is undone, what stands in the way, both ways. */
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
      ? paint('green', 'Nothing that came later builds on it.')
      : paint('red', `${conflictCount} later changes build on it:`),
    ...conflicts.map(({ group, element, why }) => `  ${group} ${why}: ${element}`),
    ...(related.count === 0
      ? []
      : [
          `${related.count} later ones touched the same vertices otherwise, and stay: ${related.groups.slice(0, 5).join(', ')}`,
        ]),
    ...analysis.holes.map((hole) => paint('yellow', `WARNING: ${hole}; a conflict in it would not be seen.`)),
    '',
    ...ways.flatMap((each) => wayLines(each, paint)),
  ].join('\n');
}

function wayLines(each: UndoWay, paint: Paint): string[] {
  const head = paint('bold', `--way ${each.way}`);
  if (each.refused !== null) return [`${head}  ${paint('red', 'not possible')}: ${each.refused}`];
  const time =
    each.restoreSeconds === null ? 'a time that no rehearsal has measured' : formatSeconds(each.restoreSeconds);
  const source = `${each.base} and ${formatBytes(each.replayBytes ?? 0)} of log`;
  return each.way === 'compensate'
    ? [
        `${head}  the graph goes on`,
        `  a copy is restored beside from ${source} (${time}), then ${each.cells} cells are compared and written`,
      ]
    : [
        `${head}  the graph stops for ${time} and the replay`,
        `  everything comes back from ${source}, without these; a new timeline begins`,
      ];
}
