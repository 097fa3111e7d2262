import { leftCells } from '../../../graph/transactions/compensation.ts';
import { instantOf } from '../../../model/instant.ts';
import { Problem } from '../../../model/problem.ts';
import { type BaseChoice, chooseBase, requireReachableEnd } from '../../../runbooks/recovery/choose-base.ts';
import { planLogs } from '../../../runbooks/recovery/plan-logs.ts';
import { type RecoveryFacts, withPieces } from '../../../runbooks/recovery/recovery-facts.ts';
import {
  requireNoConflicts,
  requireWholeSlots,
  slotsOf,
  type UndoAnalysis,
} from '../../../runbooks/undo/undo-analysis.ts';
import { mostCells } from '../../../runbooks/undo/undo-plan.ts';
import { computeWindow } from '../../../runbooks/recovery/window.ts';
import { measuredRestore } from '../points/text.ts';

/** The cost of one way of an undo. */
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

/** Both ways with their cost, from what is in the store. */
export async function undoWays(
  analysis: UndoAnalysis,
  facts: RecoveryFacts,
  environment: string,
): Promise<readonly [UndoWay, UndoWay]> {
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
    const choice = chooseBase(facts, { instant, timeline, exclusions: slotsOf(analysis) });
    requireReachableEnd(facts, choice);
    return choice;
  };
  const size = cells.cells.length + cells.undecided.length;
  const tooLarge = size > mostCells ? `${size} cells are too many for one transaction` : undefined;
  const rows = cells.rows.length > 0 ? 'whole rows were removed at once' : undefined;
  return [
    { ...(await wayOf('compensate', facts, compensate, tooLarge ?? rows)), outage: false, cells: size },
    { ...(await wayOf('restore', facts, restore)), outage: true, cells: 0 },
  ];
}

async function wayOf(way: UndoWay['way'], facts: RecoveryFacts, decide: () => BaseChoice, refused?: string) {
  try {
    const choice = decide();
    const { strands } = planLogs(await withPieces(facts, choice.point), choice, { idsKnown: true });
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
