import { compositeEntries } from './composite-entries.ts';
import { edgeEnds } from './edge-ends.ts';
import { idMarks } from './id-marks.ts';
import type { CheckContext, Invariant } from './invariant.ts';
import { mixedDocuments } from './mixed-documents.ts';
import { type LiveInstances, registrations } from './registrations.ts';
import { rowSoundness } from './row-soundness.ts';

/** Everything that must hold in a sound graph: a new invariant is a file beside this one, and a line here. */
export async function everyInvariant(
  context: CheckContext,
  options: {
    readonly liveInstances: LiveInstances;
    /** Whether the mixed indexes are compared, too: their backend can be asked. */
    readonly mixedIndexes: boolean;
  },
): Promise<readonly Invariant[]> {
  const invariants: Invariant[] = [
    rowSoundness(context),
    edgeEnds(context),
    compositeEntries(context),
    idMarks(context),
    registrations(context, options.liveInstances),
  ];
  if (options.mixedIndexes) {
    for (const index of context.schema.mixedIndexes) invariants.push(await mixedDocuments(context, index));
  }
  return invariants;
}
