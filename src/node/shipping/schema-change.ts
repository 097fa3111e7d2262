import { type ComparedSchema, schemaDifference } from '../../model/schema-difference.ts';

/**
 * What changed in tables that were there before, one line each, for the mark that this node's stream gets: a log from before the change
 * cannot simply be replayed over a base from after it, nor the other way round. Tables that were added are no such change: no mutation of
 * before names them. Nor is another replication, which changes nothing in how this log is read; whether it stands in a restore's way is
 * told from the schemas themselves when a window is computed. Writes without a log have marks of their own.
 */
export function changesOfExisting(before: ComparedSchema, after: ComparedSchema): readonly string[] {
  return schemaDifference(before, after).changed.map(
    ({ table, what }) => `${table} was ${what === 'made anew' ? 'dropped and made anew' : what}`,
  );
}
