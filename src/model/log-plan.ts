import { z } from 'zod';
import { documentType } from './document.ts';
import { runId, timelineId } from './identifiers.ts';
import { instantText } from './instant.ts';

/**
 * A table that was created after the base. Unless it exists with the same id, Cassandra skips its mutations at replay,
 * with only a warning.
 */
export const addedTable = z.object({ id: z.uuid(), name: z.string() });
export type AddedTable = z.infer<typeof addedTable>;

const replayed = {
  run: runId,
  /** The instant asked for: everything committed at or before it comes back. */
  instant: instantText,
  /** From the root timeline to the one restored to: each is replayed up to its `until` (inclusive), less its `exclusions` (commit slots). */
  strands: z.array(
    z.object({
      timeline: timelineId,
      until: instantText,
      exclusions: z.array(instantText),
      /** The node streams of it, with the objects to read in log order. `sha256` is of the plain bytes and was found right before anything was touched. */
      streams: z.array(
        z.object({
          hostId: z.uuid(),
          node: z.string(),
          objects: z.array(z.object({ key: z.string(), sha256: z.string(), bytes: z.number().int().nonnegative() })),
        }),
      ),
      /** Object keys of the schemas that decode them, oldest first. */
      schemas: z.array(z.string()),
    }),
  ),
  /** Tables that are replayed whole, beyond the instant: no id may be given out twice. `keyspace.table`. */
  uncut: z.array(z.string()),
  /** Tables that are left out whole: lock tables. `keyspace.table`. System keyspaces always are. */
  omitted: z.array(z.string()),
};

/**
 * Which shipped logs a restore replays over its base and where it cuts them: decided before anything is touched, and read by every node's
 * agent. What is cut away is in no replica afterwards. It also holds whatever of the decision has no bound: a step's result has one.
 */
export const logPlanDocument = documentType(
  'log-plan',
  2,
  {
    ...replayed,
    /** Commit slots among the exclusions that nobody asked to leave out: only a part of each is in the log. */
    incomplete: z.array(instantText),
    /** Tables that are newer than the base and are created before the replay. */
    addedTables: z.array(addedTable),
  },
  { sealed: true },
);
export type LogPlan = z.infer<typeof logPlanDocument.body>;

/** As earlier versions wrote it: they kept the two lists in the result of a step. */
const firstLogPlan = documentType('log-plan', 1, replayed, { sealed: true });
const ofFirst = z.looseObject({ kind: z.literal(firstLogPlan.kind), version: z.literal(firstLogPlan.version) });

/** Reads a plan of this version or an earlier one. Throws FailedProblem `bad-document`. */
export function readLogPlan(text: string | Uint8Array, where: string): LogPlan {
  const asText = typeof text === 'string' ? text : new TextDecoder().decode(text);
  if (!isOfFirst(asText)) return logPlanDocument.read(asText, where);
  return { ...firstLogPlan.read(asText, where), incomplete: [], addedTables: [] };
}

function isOfFirst(text: string): boolean {
  try {
    return ofFirst.safeParse(JSON.parse(text)).success;
  } catch {
    return false; // reading it says what is wrong
  }
}

/** The name has a part of the hash of the document's bytes: a plan never changes, another one is another document. */
export function logPlanKey({ run, sha256 }: PlannedLog): string {
  return `restores/${run}/log-plan-${sha256.slice(0, 16)}.json`;
}

/** A plan as a run names it: by the SHA-256 of its document. */
export interface PlannedLog {
  readonly run: string;
  readonly sha256: string;
}

/** What is left out of the timeline restored to, and which one that is. */
export function leftOut({ strands }: Pick<LogPlan, 'strands'>): {
  readonly timeline: LogPlan['strands'][number]['timeline'];
  readonly exclusions: readonly string[];
} {
  const last = strands.at(-1);
  if (last === undefined) throw new TypeError('a log plan without a timeline');
  return { timeline: last.timeline, exclusions: last.exclusions };
}

/** Bytes of all the objects that are read, plain. */
export function plannedBytes({ strands }: Pick<LogPlan, 'strands'>): number {
  return plannedObjects({ strands }).reduce((sum, { bytes }) => sum + bytes, 0);
}

export function plannedObjects({ strands }: Pick<LogPlan, 'strands'>) {
  return strands.flatMap(({ streams }) => streams.flatMap(({ objects }) => objects));
}
