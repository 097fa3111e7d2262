import { z } from 'zod';
import { Problem } from '../../model/problem.ts';
import { getStepDocument, keepStepDocument, stepDocument } from '../catalog/step-document.ts';

/** What a step found on each node, one word for each, in a document: a ring may have more nodes than a step's result has room for. */
export const nodeNotes = z.object({ nodes: z.number().int().nonnegative(), document: stepDocument });
export type NodeNotes = z.infer<typeof nodeNotes>;

/** Node to word; null when there is none. */
export type Notes = Readonly<Record<string, string | null>>;
export const notes = z.record(z.string(), z.string().nullable());

export async function keepNotes(work: Parameters<typeof keepStepDocument>[0], found: Notes): Promise<NodeNotes> {
  return { nodes: Object.keys(found).length, document: await keepStepDocument(work, found) };
}

/** Of the step of that name; none, and a line in the log, where the document is damaged or gone: no run may lack an end for that. */
export async function findNotes(
  work: Parameters<typeof getStepDocument>[0] & { readonly log: (line: string) => void },
  step: string,
  { document }: NodeNotes,
): Promise<Notes> {
  try {
    return await getStepDocument(work, { step, hash: document }, notes);
  } catch (thrown) {
    if (!(thrown instanceof Problem) || !unreadable.has(thrown.code)) throw thrown;
    work.log(`done without what ${step} had noted of each node: ${thrown.happened}`);
    return {};
  }
}

const unreadable: ReadonlySet<string> = new Set(['step-document-missing', 'step-document-changed', 'bad-document']);
