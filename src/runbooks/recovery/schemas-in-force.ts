import { type Micros, instantOf, micros } from '../../model/instant.ts';
import type { LogPlan } from '../../model/log-plan.ts';
import { instantOfSchemaKey } from '../../model/log-schema.ts';

/** How long an agent may not have been able to look at the schema of its node, microseconds: a busy Cassandra answers late. */
export const longestBlindness = 120_000_000;

/**
 * Of schemas, ascending by `at`: all that may have been in force at some time between the two instants. What somebody changed later is what a
 * restore is to undo, so the newest schema says nothing of an instant before it. A change is dated with the last look that did not see it.
 */
export function inForce<Schema extends { readonly at: Micros }>(
  schemas: readonly Schema[],
  from: Micros,
  until: Micros,
): readonly Schema[] {
  const begun = schemas.filter(({ at }) => at <= until);
  return begun.slice(
    Math.max(
      0,
      begun.findLastIndex(({ at }) => at <= from - longestBlindness),
    ),
  );
}

/** The keys of a plan's schemas that were in force from an instant on to where each of its strands ends, oldest first. */
export function plannedSchemas(
  { strands, instant }: Pick<LogPlan, 'strands' | 'instant'>,
  from: Micros,
): readonly string[] {
  return strands.flatMap(({ schemas, until }, number) => {
    // To the log's end, what is settled is the end of a first plan, and tables and ranges are decided with it for both.
    const end = number === strands.length - 1 && instant > until ? instant : until;
    const dated = schemas.map((key) => ({ key, at: instantOfSchemaKey(key) ?? micros(0) }));
    return inForce(dated, from, instantOf(end)).map(({ key }) => key);
  });
}
