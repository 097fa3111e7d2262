import { type ComparedSchema, schemaDifference } from '../../model/schema-difference.ts';

/**
 * Changes of tables that existed before, one line each, for the mark in this node's stream: a log from before the change
 * cannot be replayed over a base from after it, nor the other way round. New tables are not such a change, because no
 * earlier mutation names them. Another replication is not one either, because it does not change how this log is read;
 * whether it prevents a restore is decided from the schemas themselves when a window is computed. Writes without a log
 * have their own marks.
 */
export function changesOfExisting(before: ComparedSchema, after: ComparedSchema): readonly string[] {
  return schemaDifference(before, after).changed.map(
    ({ table, what }) => `${table} was ${what === 'made anew' ? 'dropped and created again' : what}`,
  );
}
