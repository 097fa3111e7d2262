import { z } from 'zod';
import { documentType } from '../../model/document.ts';
import { FailedProblem } from '../../model/problem.ts';
import { sha256 } from '../../model/sha256.ts';
import { patientServices, type RunbookServices } from '../services.ts';

/** What a step has found, where it may be too much for its result, such as something of every node. */
const found = documentType('step-document', 1, { value: z.unknown() }, { sealed: true });

/** In a result: the SHA-256 of the document. The journal holds it, so the document cannot become another one in the bucket. */
export const stepDocument = z.string().regex(/^[0-9a-f]{64}$/);

interface Work {
  readonly run: string;
  readonly signal: AbortSignal;
  readonly services: RunbookServices;
}

/** Writes it and gives its hash. It does not name the run, so that the same has the same hash. */
export async function keepStepDocument(work: Work & { readonly step: string }, value: unknown): Promise<string> {
  const { platform } = patientServices(work.services, work.signal);
  const text = found.write({ value });
  const hash = sha256(text);
  await platform.bucket.put(keyOf(work.run, work.step, hash), text);
  return hash;
}

/** Whether the step, in whichever attempt, has written just that. */
export async function hasStepDocument(work: Work & { readonly step: string }, value: unknown): Promise<boolean> {
  const { platform } = patientServices(work.services, work.signal);
  const key = keyOf(work.run, work.step, sha256(found.write({ value })));
  return (await platform.bucket.head(key)) !== undefined;
}

/** What the step wrote. Throws FailedProblem `step-document-missing`, `step-document-changed` or `bad-document`. */
export async function getStepDocument<T>(
  work: Work,
  { step, hash }: { readonly step: string; readonly hash: string },
  schema: z.ZodType<T>,
): Promise<T> {
  const { platform } = patientServices(work.services, work.signal);
  return readStepDocument(platform.bucket, { run: work.run, step, hash }, schema);
}

/** The same for who is not in a run. */
export async function readStepDocument<T>(
  bucket: RunbookServices['platform']['bucket'],
  { run, step, hash }: { readonly run: string; readonly step: string; readonly hash: string },
  schema: z.ZodType<T>,
): Promise<T> {
  const key = keyOf(run, step, hash);
  const stored = await bucket.get(key);
  if (stored === undefined) throw missing(key);
  if (sha256(stored.body) !== hash) throw changed(key, step);
  return schema.parse(found.read(stored.body, key).value);
}

function keyOf(run: string, step: string, hash: string): string {
  return `runs/${run}/results/${step}-${hash.slice(0, 12)}.json`;
}

const lost = {
  state: 'The step did nothing.',
  next: 'Find out who removed or changed it (`cardea audit`). `cardea status` names what to do with the run.',
};

function missing(key: string): FailedProblem {
  return new FailedProblem({
    code: 'step-document-missing',
    happened: `${key} is not in the bucket any more, and a later step of the same run needs it.`,
    ...lost,
  });
}

function changed(key: string, step: string): FailedProblem {
  return new FailedProblem({
    code: 'step-document-changed',
    happened: `${key} is not what ${step} wrote, and a later step of the same run needs it.`,
    ...lost,
  });
}
