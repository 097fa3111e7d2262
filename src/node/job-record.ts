import { z } from 'zod';
import { documentType } from '../model/document.ts';
import { jobKeyShape, jobKind, jobStatus } from '../ports/node-agent-wire.ts';

const shape = {
  ...jobKeyShape,
  /** Records of before there was a bound may hold any. */
  epoch: z.number().int().nonnegative(),
  job: jobKind,
  params: z.unknown(),
  startedAt: z.iso.datetime(),
  status: jobStatus,
};

/** A job as it stands in the agent's state directory: `jobs/<id>.json`. */
export const jobRecordDocument = documentType('agent-job', 1, shape);
export type JobRecord = z.infer<z.ZodObject<typeof shape>>;

/** The highest lease epoch that was ever shown to this agent: `epoch.json`. */
export const epochDocument = documentType('agent-epoch', 1, { highest: z.number().int().nonnegative() });
