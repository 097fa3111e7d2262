import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { FailedProblem } from '../../src/model/problem.ts';

/** Runs nodetool of this pod's Cassandra. Throws FailedProblem `nodetool-failed` with what it said. */
export async function nodetool(args: readonly string[]): Promise<string> {
  const child = spawn('nodetool', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await ended;
  if (code === 0) return out;
  throw new FailedProblem({
    code: 'nodetool-failed',
    happened: `nodetool ${args[0]} ended with ${code}.`,
    state: 'What it did before it failed was not undone.',
    next: 'Read its output.',
    details: `${out}\n${error}`
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-8),
  });
}

/** As cass-operator asks for it. */
export interface JobDetails {
  readonly id: string;
  readonly type: string;
  readonly status: 'WAITING' | 'COMPLETED' | 'ERROR';
  readonly submit_time: string;
  readonly end_time?: string;
  readonly error?: string;
}

/** Long work that the operator asks after by its id. Like the pod's process they are forgotten when it ends. */
export class Jobs {
  readonly #jobs = new Map<string, JobDetails>();

  /** The job's id; `nodetool` runs on. */
  submit(type: string, args: readonly string[]): string {
    const job = { id: randomUUID(), type, submit_time: String(Date.now()) };
    this.#jobs.set(job.id, { ...job, status: 'WAITING' });
    void nodetool(args).then(
      () => this.#jobs.set(job.id, { ...job, status: 'COMPLETED', end_time: String(Date.now()) }),
      (thrown: unknown) =>
        this.#jobs.set(job.id, { ...job, status: 'ERROR', end_time: String(Date.now()), error: String(thrown) }),
    );
    return job.id;
  }

  find(id: string): JobDetails | undefined {
    return this.#jobs.get(id);
  }
}
