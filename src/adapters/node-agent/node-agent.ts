import { z } from 'zod';
import {
  FailedProblem,
  type Problem,
  RetryableProblem,
  problemFromDocument,
  tracedProblem,
} from '../../model/problem.ts';
import { rememberSecret } from '../../model/secrets.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobKey, JobKind, JobParams, JobResult, JobStatus, NodeAgent } from '../../ports/node-agent.ts';
import { patiently } from '../../ports/patience.ts';
import {
  type JobAnswer,
  agentHealth,
  bindAnswer,
  diskReport,
  jobAnswer,
  jobResults,
} from '../../ports/node-agent-wire.ts';

export interface NodeAgentSettings {
  readonly node: string;
  /** Base URL: `http://host:port`. */
  readonly url: string;
  /** Read at each request: the file may be created or changed later. */
  readonly token: () => Promise<string>;
  readonly clock: Clock;
  /** Milliseconds that an agent may be away, by default 10,000 before a job is started, and 60,000 while it is followed: an agent may be started again meanwhile. */
  readonly patienceMs?: { readonly start: number; readonly follow: number };
}

const requestMs = 10_000;
/** The disk report walks every file. */
const diskMs = 120_000;
/** It ends its jobs, and opens its stream in the bucket anew. */
const bindMs = 120_000;
/** How long the agent keeps a request about a running job open before it answers with the progress. */
const waitMs = 1000;

/** What the agent's API can besides. */
export interface HttpNodeAgent extends NodeAgent {
  /** As `run` begins, without following the job. */
  start<K extends JobKind>(job: JobKey, kind: K, params: JobParams[K]): Promise<JobStatus<K>>;
  /** Of the newest job of that run, step and kind, without joining it; undefined when the agent knows none. */
  status<K extends JobKind>(job: Pick<JobKey, 'run' | 'step'>, kind: K): Promise<JobStatus<K> | undefined>;
}

/** The agent of one node over HTTP. */
export function openNodeAgent(settings: NodeAgentSettings): HttpNodeAgent {
  const { node, patienceMs = { start: 10_000, follow: 60_000 } } = settings;
  return {
    node,
    health: async () => ask(settings, '/v1/health', agentHealth),
    async disk() {
      const { storeFree, ...report } = await ask(settings, '/v1/disk', diskReport, { timeoutMs: diskMs });
      return storeFree === undefined ? report : { ...report, storeFree };
    },
    async bind(body) {
      await ask(settings, '/v1/bucket', bindAnswer, { body, timeoutMs: bindMs });
    },
    async start(job, kind, params) {
      const { status } = await start(settings, { ...job, kind, params });
      return typed(settings, kind, status);
    },
    async status(job, kind) {
      const query = new URLSearchParams({ run: job.run, step: job.step, kind });
      const answer = await ask(settings, `/v1/jobs?${query.toString()}`, jobAnswer, { absent: true });
      return answer === undefined ? undefined : typed(settings, kind, answer.status);
    },
    async run(job, kind, params, { signal, progress }) {
      const begin = async () => start(settings, { ...job, kind, params }, signal);
      let answer = await untilReached(settings.clock, patienceMs.start, signal, begin);
      for (;;) {
        signal.throwIfAborted();
        const status = typed(settings, kind, answer.status);
        switch (status.state) {
          case 'succeeded':
            return status.result;
          case 'failed':
            throw problemFromDocument(status.problem);
          case 'lost':
            // The agent died together with the job, or forgot it: the same key runs it again.
            answer = await untilReached(settings.clock, patienceMs.follow, signal, begin);
            break;
          case 'running': {
            if (status.progress !== undefined) progress(status.progress);
            const { id } = answer;
            const path = `/v1/jobs/${encodeURIComponent(id)}?wait=${waitMs}`;
            const follow = async () => ask(settings, path, jobAnswer, { absent: true, signal });
            const heard = await untilReached(settings.clock, patienceMs.follow, signal, follow);
            answer = heard ?? { id, status: { state: 'lost' } };
            break;
          }
        }
      }
    },
  };
}

async function start(
  settings: NodeAgentSettings,
  { run, step, epoch, kind, params }: JobKey & { readonly kind: JobKind; readonly params: unknown },
  signal?: AbortSignal,
): Promise<JobAnswer> {
  const body = { run, step, epoch, kind, params };
  return ask(settings, '/v1/jobs', jobAnswer, { body, ...(signal && { signal }) });
}

/** Retries while the agent cannot be reached, up to a limit of time. Any answer, also a refusal, is final. */
async function untilReached<T>(clock: Clock, forMs: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const only = ({ code }: RetryableProblem) => code === 'agent-unreachable';
  return patiently(clock, { forMs, longestPauseMs: 2000, signal, only }, work);
}

interface AskOptions {
  /** With one it is a POST, else a GET. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** 404 is an answer: undefined. */
  readonly absent?: boolean;
}

async function ask<T>(
  settings: NodeAgentSettings,
  path: string,
  schema: z.ZodType<T>,
  options: AskOptions & { readonly absent: true },
): Promise<T | undefined>;
async function ask<T>(
  settings: NodeAgentSettings,
  path: string,
  schema: z.ZodType<T>,
  options?: AskOptions,
): Promise<T>;
async function ask<T>(
  settings: NodeAgentSettings,
  path: string,
  schema: z.ZodType<T>,
  { body, signal, timeoutMs = requestMs, absent = false }: AskOptions = {},
): Promise<T | undefined> {
  const limit = AbortSignal.timeout(timeoutMs);
  let status: number;
  let text: string;
  try {
    const token = await settings.token();
    rememberSecret(token);
    const response = await fetch(new URL(path, settings.url), {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    status = response.status;
    text = await response.text();
  } catch (cause) {
    signal?.throwIfAborted();
    throw unreachable(settings, limit.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(cause), cause);
  }
  const value = parseJson(text);
  if (status >= 200 && status < 300) {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw notUnderstood(settings, z.prettifyError(parsed.error));
  }
  const problem = tracedProblem.safeParse(value);
  if (!problem.success) throw notUnderstood(settings, `it sent status ${status} without a problem document`);
  if (status === 404 && absent) return undefined;
  throw problemFromDocument(problem.data);
}

/** The result checked against the kind it was asked for. */
function typed<K extends JobKind>(settings: NodeAgentSettings, kind: K, status: JobAnswer['status']): JobStatus<K> {
  switch (status.state) {
    case 'succeeded': {
      const parsed = jobResults[kind].safeParse(status.result);
      if (!parsed.success) throw notUnderstood(settings, z.prettifyError(parsed.error));
      // The schema of a kind reads the result of that kind; the compiler does not follow the pair.
      return { ...status, result: parsed.data as JobResult[K] };
    }
    case 'running':
      return status.progress === undefined ? { state: 'running' } : { state: 'running', progress: status.progress };
    case 'failed':
    case 'lost':
      return status;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Node's fetch says "fetch failed" and keeps the reason below. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  return cause instanceof Error ? cause.message : String(cause);
}

function unreachable({ node, url }: NodeAgentSettings, why: string, cause: unknown): Problem {
  return new RetryableProblem({
    code: 'agent-unreachable',
    happened: `The agent of ${node} at ${url} cannot be reached: ${why}.`,
    state: 'Its running jobs continue; nothing new was started.',
    next: 'Check that the agent is running (`cardea doctor ENV`), then try again.',
    cause,
  });
}

function notUnderstood({ node, url }: NodeAgentSettings, why: string): Problem {
  return new FailedProblem({
    code: 'agent-not-understood',
    happened: `The answer of the agent of ${node} at ${url} was not understood: ${why}.`,
    state: 'No further request was sent to it.',
    next: 'Compare the versions of Cardea and of the agent. Also check whether another program listens at this address.',
  });
}
