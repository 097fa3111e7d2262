import { z } from 'zod';
import { documentType } from '../model/document.ts';
import { environmentText } from '../model/identifiers.ts';
import { problemDocument } from '../model/problem.ts';
import { processIdentity } from '../model/process-identity.ts';
import { progress } from '../model/progress.ts';

/** Who does something: a person on a host, by the command line. Every event that was ever written says so. */
export const actor = z.object({ name: z.string(), via: z.literal('cli'), host: z.string() });
export type Actor = z.infer<typeof actor>;

/**
 * What a step that succeeded took in its last attempt, and the numbers in its result. The last event of a run has them
 * of all steps, so that who compares runs need not read hundreds of events of each.
 */
const stepMeasure = z.object({
  seconds: z.number(),
  attempts: z.number().int().nonnegative(),
  counts: z.record(z.string(), z.number()),
});
export type StepMeasure = z.infer<typeof stepMeasure>;

/**
 * What happened in a run. The journal is the only record of a run; everything that is shown about a run is replayed
 * from it.
 */
export const runEventBody = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('run-started'),
    runbook: z.string(),
    runbookVersion: z.number().int(),
    environment: z.string(),
    params: z.unknown(),
    planHash: z.string(),
    actor,
    /** The process that executes the run. */
    holder: processIdentity,
    /** Whether the run holds a lease; one that only reads needs none. */
    leased: z.boolean(),
    /** The copy that it works on and holds the lease of; absent when it is the environment. */
    copy: environmentText.optional(),
    /** The name typed with `--confirm`, when the runbook has destructive steps. */
    confirmed: z.string().optional(),
  }),
  z.object({
    type: z.literal('run-resumed'),
    actor,
    holder: processIdentity,
    /** Steps that are done again although they had ended: guards, and those that run at the end. Absent in journals of before there were any. */
    again: z.array(z.string()).optional(),
    /** The name typed with `--confirm` at this resume. */
    confirmed: z.string().optional(),
  }),
  z.object({ type: z.literal('step-started'), step: z.string(), attempt: z.number().int().positive() }),
  z.object({ type: z.literal('step-progress'), step: z.string(), progress }),
  z.object({ type: z.literal('step-succeeded'), step: z.string(), result: z.unknown(), seconds: z.number() }),
  z.object({
    type: z.literal('step-failed'),
    step: z.string(),
    attempt: z.number().int().positive(),
    problem: problemDocument,
    seconds: z.number(),
    /** Present when another attempt follows. */
    retryAt: z.iso.datetime().optional(),
  }),
  z.object({ type: z.literal('step-skipped'), step: z.string(), reason: z.string() }),
  z.object({ type: z.literal('cancel-requested'), actor }),
  z.object({
    type: z.literal('run-succeeded'),
    seconds: z.number(),
    /** By step. Absent in journals of before it was noted. */
    measured: z.record(z.string(), stepMeasure).optional(),
  }),
  z.object({ type: z.literal('run-failed'), problem: problemDocument, seconds: z.number() }),
  z.object({ type: z.literal('run-cancelled'), seconds: z.number() }),
]);
export type RunEventBody = z.infer<typeof runEventBody>;

/** Whether the run had ended with it. A failed or cancelled run that had moved data may be carried on all the same. */
export function isFinal(event: RunEventBody): boolean {
  return event.type === 'run-succeeded' || event.type === 'run-failed' || event.type === 'run-cancelled';
}

/** One file of `runs/<run>/`: numbered from 1, carrying the SHA-256 of the previous file's bytes (64 zeros for the first). */
export const runEventDocument = documentType('run-event', 1, {
  run: z.string(),
  sequence: z.number().int().positive(),
  previous: z.string(),
  at: z.iso.datetime(),
  epoch: z.number().int().nonnegative(),
  event: runEventBody,
  /**
   * By whom it was written: over the canonical JSON of everything else. Events of before events were signed have none, nor has a request to
   * cancel.
   */
  signed: z.object({ key: z.string(), signature: z.string() }).optional(),
});
export type RunEvent = z.infer<typeof runEventDocument.schema>;
