import type { z } from 'zod';
import { type Fingerprint, fingerprint } from '../../model/restore-point.ts';
import { getStepDocument, keepStepDocument, stepDocument } from '../catalog/step-document.ts';

/** A fingerprint as a step's result has room for it: what it counts by label and key is in the document. */
export const printed = fingerprint.omit({ vertexLabels: true, edgeLabels: true, propertyKeys: true }).extend({
  document: stepDocument,
});

export async function keepPrint(
  work: Parameters<typeof keepStepDocument>[0],
  whole: Fingerprint,
): Promise<z.infer<typeof printed>> {
  const { vertices, edges, properties, hash } = whole;
  return { vertices, edges, properties, hash, document: await keepStepDocument(work, whole) };
}

/** Of the step of that name. */
export async function wholePrint(
  work: Parameters<typeof getStepDocument>[0],
  step: string,
  { document }: z.infer<typeof printed>,
): Promise<Fingerprint> {
  return getStepDocument(work, { step, hash: document }, fingerprint);
}
