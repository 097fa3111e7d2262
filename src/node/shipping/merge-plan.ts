import type { PieceLink } from '../../model/log-piece.ts';

/** An object of one segment, as it stands in the store. */
export interface MergeablePiece {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly pieces: readonly PieceLink[];
}

/** So many adjacent objects of about one size become one: a quiet segment is open for days and must not gather thousands. */
const fan = 32;
/** Beyond it the line of JSON that begins an object would be megabytes. */
const mostLinks = fan * fan * 4;

/**
 * Which adjacent objects (in log order, without a break) become one next; undefined when nothing is worth it. Of a closed segment
 * everything that fits; of an open one as many as are of one kind, so that each byte is merged a few times at most.
 */
export function nextMerge(objects: readonly MergeablePiece[], closed: boolean): readonly MergeablePiece[] | undefined {
  return closed ? fitting(objects) : rolled(objects);
}

function fitting(objects: readonly MergeablePiece[]): readonly MergeablePiece[] | undefined {
  for (let at = 0; at < objects.length; at += 1) {
    const run: MergeablePiece[] = [];
    let links = 0;
    for (const object of objects.slice(at)) {
      if (links + object.pieces.length > mostLinks) break;
      run.push(object);
      links += object.pieces.length;
    }
    if (run.length > 1) return run;
  }
  return undefined;
}

function rolled(objects: readonly MergeablePiece[]): readonly MergeablePiece[] | undefined {
  let run: MergeablePiece[] = [];
  for (const object of objects.toReversed()) {
    if (run.length > 0 && kindOf(object) !== kindOf(run[0] as MergeablePiece)) run = [];
    run.push(object);
    if (run.length === fan) break;
  }
  const links = run.reduce((sum, { pieces }) => sum + pieces.length, 0);
  return run.length === fan && links <= mostLinks ? run.toReversed() : undefined;
}

/** How often its bytes were merged: by the number of links. */
function kindOf({ pieces }: MergeablePiece): number {
  let kind = 0;
  for (let links = pieces.length; links >= fan; links /= fan) kind += 1;
  return kind;
}
