import { type LogPieceHeader, placeOfPiece } from '../model/log-piece.ts';
import { readingObject } from './log-damage.ts';
import { readPiece } from './piece.ts';

/** Where pieces lie: what is used of the bucket. */
export interface PieceStore {
  get(key: string): Promise<{ readonly body: Uint8Array } | undefined>;
  list(prefix: string): AsyncIterable<{ readonly key: string }>;
}

/** A piece that a plan names, and the object that holds it by now. */
export interface PlannedPiece {
  readonly header: LogPieceHeader;
  readonly plain: Uint8Array;
  /** Key of the object that it was read from, and the header of that whole object. */
  readonly at: string;
  readonly whole: LogPieceHeader;
}

/**
 * Reads the objects of a plan: each from its own key, or from the larger one into which the node that ships has merged
 * it since the plan was made. The last merged one stays in memory, for its parts are asked for one after the other.
 * Undefined when the store has neither. Throws FailedProblem `log-damaged` as `readPiece` does, with the key of a larger
 * one; whether it is the piece that was planned with is the caller's to compare.
 */
export function plannedPieces(store: PieceStore): (key: string) => Promise<PlannedPiece | undefined> {
  let last: PlannedPiece | undefined;
  return async (key) => {
    const stored = await store.get(key);
    if (stored !== undefined) {
      const { header, plain } = readPiece(stored.body);
      return { header, plain, at: key, whole: header };
    }
    const wanted = placeOfPiece(key);
    if (wanted === undefined) return undefined;
    if (last === undefined || !covers(last.at, wanted)) last = await readMerged(store, wanted);
    return last === undefined ? undefined : partOf(last, wanted);
  };
}

type Place = NonNullable<ReturnType<typeof placeOfPiece>>;

function covers(key: string, { folder, from, to }: Place): boolean {
  const place = placeOfPiece(key);
  return place !== undefined && place.folder === folder && place.from <= from && place.to >= to;
}

/** How often a merged object is looked for: it may be merged once more between the listing and the reading. */
const looks = 5;

async function readMerged(store: PieceStore, wanted: Place): Promise<PlannedPiece | undefined> {
  for (let look = 1; look <= looks; look += 1) {
    let vanished = false;
    for await (const { key } of store.list(wanted.folder)) {
      if (!covers(key, wanted)) continue;
      const stored = await store.get(key);
      if (stored !== undefined) {
        const { header, plain } = await readingObject(key, () => readPiece(stored.body));
        return { header, plain, at: key, whole: header };
      }
      vanished = true;
    }
    if (!vanished) break;
  }
  return undefined;
}

function partOf({ at, whole, plain }: PlannedPiece, { from, to }: Place): PlannedPiece {
  return {
    header: { ...whole, from, to },
    plain: plain.subarray(from - whole.from, to - whole.from),
    at,
    whole,
  };
}
