import type { ReportProgress } from '../../model/progress.ts';
import type { JobKind, JobParams, JobResult } from '../../ports/node-agent.ts';

/** What a job gets besides its params. */
export interface JobContext {
  /** Fires when the job was superseded or the agent stops. */
  readonly signal: AbortSignal;
  readonly progress: ReportProgress;
  readonly log: (event: string, fields?: Readonly<Record<string, unknown>>) => void;
}

export type JobRunners = {
  readonly [K in JobKind]: (params: JobParams[K], context: JobContext) => Promise<JobResult[K]>;
};
