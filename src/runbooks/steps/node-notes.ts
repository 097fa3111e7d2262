import { z } from 'zod';
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

/** Of the step of that name. */
export async function getNotes(
  work: Parameters<typeof getStepDocument>[0],
  step: string,
  { document }: NodeNotes,
): Promise<Notes> {
  return getStepDocument(work, { step, hash: document }, notes);
}
