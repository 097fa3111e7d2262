import { readStreamedPieceHeader } from '../../commitlog/piece.ts';
import { longestLag, type StoredPiece, type VerifiedStream } from '../../commitlog/verified-stream.ts';
import { type Micros, formatInstant, instantOf, micros } from '../../model/instant.ts';
import { logPieceKey } from '../../model/log-piece.ts';
import { RefusedProblem } from '../../model/problem.ts';
import type { RestorePoint } from '../../model/restore-point.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { BaseChoice } from './choose-base.ts';
import type { LogCatalog } from '../catalog/log-catalog.ts';
import { type RecoveryFacts, withPieces } from './recovery-facts.ts';
import { snapshotOf } from '../catalog/snapshot-span.ts';

/**
 * A table was emptied before the base was taken. The log does not say that, so what was written before must not be
 * replayed, and what was written after the base must be. Where one piece may hold both, the base does not serve.
 */
interface Emptied {
  /** Somewhere between these two: the last look before it, and the one that saw it. */
  readonly at: Micros;
  readonly until: Micros;
  /** For people. */
  readonly reason: string;
}

/** The last time before the snapshot at which a table of the node was emptied. */
function emptiedBefore({ marks }: VerifiedStream, from: Micros): Emptied | undefined {
  return marks
    .filter(({ what, until }) => what === 'truncate' && instantOf(until) <= from)
    .map(({ at, until, reason }) => ({ at: instantOf(at), until: instantOf(until), reason }))
    .toSorted((a, b) => a.until - b.until)
    .at(-1);
}

/** The pieces that hold nothing of before a table was emptied; and those before them that may hold something of after the snapshot, too. */
export function withoutEmptied(
  stream: VerifiedStream,
  from: Micros,
): { readonly pieces: readonly StoredPiece[]; readonly crossing: readonly StoredPiece[] } {
  const { pieces } = stream;
  const emptied = emptiedBefore(stream, from);
  if (emptied === undefined) return { pieces, crossing: [] };
  // A piece holds nothing that was acknowledged before its `coveredFrom`. What was written since `at` may have been emptied as well, and is
  // in the base where it was not: that begins after `until`.
  const next = pieces.findIndex(({ coveredFrom }) => coveredFrom >= emptied.until);
  const kept = next < 0 ? pieces.length : next;
  const upTo = endsOf(stream);
  return { pieces: pieces.slice(kept), crossing: pieces.slice(0, kept).filter((_, at) => (upTo[at] ?? from) > from) };
}

/** How often the instant that is proved must have moved on after a piece until all that the piece holds is proved (see `Coverage`), and once more. */
const advances = 4;

/**
 * For each piece an instant after which nothing in it was acknowledged. Of what is shipped in one go only the last piece says how far it
 * reaches; and what is proved lags behind what is read, by a few of Cassandra's markers.
 */
function endsOf({ pieces, watermark }: VerifiedStream): readonly Micros[] {
  const proved = watermark === undefined ? 0 : instantOf(watermark.at);
  /** What is proved after the piece, each instant once: the next ones. */
  const later: Micros[] = proved > (pieces.at(-1)?.coveredTo ?? 0) ? [micros(proved)] : [];
  return pieces
    .toReversed()
    .map(({ coveredFrom, coveredTo }) => {
      if (coveredTo > coveredFrom && later[0] !== coveredTo) later.unshift(coveredTo);
      later.splice(advances);
      const [goes] = later;
      if (goes === undefined) return micros(Number.MAX_SAFE_INTEGER);
      return micros(Math.min(goes + longestLag, later[advances - 1] ?? Infinity));
    })
    .reverse();
}

/** The log, in which each larger object that holds both is replaced by the pieces that it was merged from: a plan may name those. */
async function splitAtEmptied(bucket: ObjectStore, catalog: LogCatalog, point: RestorePoint): Promise<LogCatalog> {
  const log = catalog.logs.get(point.timeline);
  if (log === undefined) return catalog;
  const { from } = snapshotOf(point);
  const streams: VerifiedStream[] = [];
  for (const stream of log.streams) {
    const crossing = new Set(withoutEmptied(stream, from).crossing);
    const pieces: StoredPiece[] = [];
    for (const piece of stream.pieces) {
      if (crossing.has(piece) && piece.first < piece.last) pieces.push(...(await partsOf(bucket, piece)));
      else pieces.push(piece);
    }
    streams.push({ ...stream, pieces });
  }
  return { ...catalog, logs: new Map(catalog.logs).set(point.timeline, { ...log, streams }) };
}

async function partsOf(bucket: ObjectStore, merged: StoredPiece): Promise<readonly StoredPiece[]> {
  const header = await readStreamedPieceHeader(await bucket.getStream(merged.key));
  return header.pieces.map(({ from, to, sha256, sequence, previous, chain, coveredFrom, coveredTo }) => ({
    ...merged,
    key: logPieceKey({ ...header, from, to }),
    from,
    to,
    sha256,
    first: sequence,
    last: sequence,
    previous,
    chain,
    coveredFrom: instantOf(coveredFrom),
    coveredTo: instantOf(coveredTo),
    proves: instantOf(coveredTo),
  }));
}

/**
 * What a plan over the chosen base is made from. Throws RefusedProblem `log-holds-emptied` when a piece may hold both what was written before a
 * table was emptied and what was written after the snapshot of the base.
 */
export async function plannable(
  bucket: ObjectStore,
  facts: RecoveryFacts,
  { point }: Pick<BaseChoice, 'point'>,
): Promise<RecoveryFacts> {
  const read = await withPieces(facts, point);
  if (read.pieces === undefined) return read;
  const catalog = await splitAtEmptied(bucket, read.pieces.catalog, point);
  requireEmptiedApart(facts.environment, catalog, point);
  return { ...read, pieces: { ...read.pieces, catalog } };
}

function requireEmptiedApart(environment: string, catalog: LogCatalog, point: RestorePoint): void {
  const { from } = snapshotOf(point);
  for (const stream of catalog.logs.get(point.timeline)?.streams ?? []) {
    const [crossing] = withoutEmptied(stream, from).crossing;
    const emptied = emptiedBefore(stream, from);
    if (crossing === undefined || emptied === undefined) continue;
    throw new RefusedProblem({
      code: 'log-holds-emptied',
      happened: `${stream.node} shipped in one go what was written before and after a table was emptied (${emptied.reason}, between ${formatInstant(emptied.at)} and ${formatInstant(emptied.until)}), so the log over ${point.id} might bring back what was emptied.`,
      state: 'Nothing was changed.',
      next: `Restore an instant of before: --to ${formatInstant(micros(emptied.at - 1))}. Or the point as it was taken: cardea restore ${environment} --to ${point.id}. For later instants take a backup: cardea backup ${environment}.`,
      details: [crossing.key],
    });
  }
}
