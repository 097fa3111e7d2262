import { createHash, timingSafeEqual } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';
import { FailedProblem, type Problem, RefusedProblem, UsageProblem, asProblem } from '../model/problem.ts';
import { tracedDocument } from '../model/fault-trace.ts';
import type { Clock } from '../ports/clock.ts';
import type { AgentLog } from '../ports/agent-log.ts';
import type { AgentHealth, BucketBinding, DiskReport, ShippingHealth } from '../ports/node-agent.ts';
import { bindRequest, jobKeyShape, jobKind, jobParams, startRequest } from '../ports/node-agent-wire.ts';
import type { JobTable } from '../node/job-table.ts';

export interface AgentServerParts {
  readonly node: string;
  readonly version: string;
  /** The bearer token that every request must carry. */
  readonly token: string;
  readonly jobs: JobTable;
  readonly disk: () => Promise<DiskReport>;
  /** Id of the bucket that the agent remembers; null before it has used one. */
  readonly bucket: () => string | null;
  readonly bind: (binding: BucketBinding) => Promise<void>;
  /** Absent when this agent ships no commit log. */
  readonly shipping?: () => ShippingHealth;
  readonly clock: Clock;
  readonly log: AgentLog;
}

const longestWaitMs = 30_000;
const largestBody = 4 * 1024 * 1024;

/**
 * The HTTP server of the agent, as src/ports/node-agent-wire.ts describes it. Problems are sent as problem documents.
 */
export function agentServer(parts: AgentServerParts): Hono {
  const { node, version, token, jobs, disk, shipping, clock, log } = parts;
  const app = new Hono();
  const answer = (context: Context, problem: Problem) => context.json(problem.toDocument(), statusOf(problem));
  app.onError((error, context) => {
    const problem = asProblem(error, `The agent of ${node} could not answer`);
    const traced = tracedDocument(problem);
    log.write('request failed', { path: context.req.path, problem: traced });
    return context.json(traced, statusOf(problem));
  });
  app.notFound((context) => context.json(noSuchThing(context.req.path).toDocument(), 404));
  app.use(async (context, next) => {
    if (!sameSecret(context.req.header('authorization') ?? '', `Bearer ${token}`)) {
      log.write('request refused', { path: context.req.path, why: 'token' });
      return answer(context, wrongToken(node));
    }
    return next();
  });
  app.use(
    bodyLimit({ maxSize: largestBody, onError: (context) => answer(context, badRequest('the body is too large')) }),
  );

  app.get('/v1/health', (context) =>
    context.json({
      node,
      version,
      at: clock.now().toISOString(),
      highestEpoch: jobs.highestEpoch,
      runningJobs: jobs.runningJobs,
      bucket: { id: parts.bucket() },
      ...(shipping === undefined ? {} : { shipping: shipping() }),
    } satisfies AgentHealth),
  );
  app.post('/v1/bucket', async (context) => {
    const binding = parse(bindRequest, await bodyOf(context));
    log.write('bound to a bucket', { ...binding, before: parts.bucket(), epochBefore: jobs.highestEpoch });
    await parts.bind(binding);
    return context.json({ id: binding.id });
  });
  app.get('/v1/disk', async (context) => context.json(await disk()));
  app.post('/v1/jobs', async (context) => {
    const { run, step, epoch, kind, params } = parse(startRequest, await bodyOf(context));
    // The schema of each kind fits the params of that kind; the compiler does not follow the pair.
    const checked = parse<never>(jobParams[kind] as unknown as z.ZodType<never>, params);
    return context.json(await jobs.start({ run, step, epoch }, kind, checked));
  });
  app.get('/v1/jobs', (context) => {
    const query = parse(z.object({ run: jobKeyShape.run, step: jobKeyShape.step, kind: jobKind }), context.req.query());
    const found = jobs.newest(query.run, query.step, query.kind);
    return found === undefined ? context.json(noSuchThing(context.req.path).toDocument(), 404) : context.json(found);
  });
  app.get('/v1/jobs/:id', async (context) => {
    const wait = parse(z.coerce.number().int().min(0).max(longestWaitMs).default(0), context.req.query('wait'));
    const found = await jobs.status(context.req.param('id'), wait, context.req.raw.signal);
    return found === undefined ? context.json(noSuchThing(context.req.path).toDocument(), 404) : context.json(found);
  });
  return app;
}

/** Both are hashed first, because the comparison needs equal lengths, and a length would be a hint. */
function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

async function bodyOf(context: Context): Promise<unknown> {
  try {
    return await context.req.json();
  } catch {
    throw badRequest('the body is not JSON');
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw badRequest(z.prettifyError(parsed.error));
}

function statusOf(problem: Problem): 400 | 401 | 409 | 500 | 503 {
  if (problem.code === 'agent-token') return 401;
  switch (problem.kind) {
    case 'usage':
      return 400;
    case 'refused':
    case 'waiting':
      return 409;
    case 'retryable':
      return 503;
    case 'failed':
      return 500;
  }
}

function badRequest(why: string): UsageProblem {
  return new UsageProblem({
    code: 'bad-request',
    happened: `The agent cannot read the request: ${why}.`,
    state: 'Nothing was changed.',
    next: 'Use a Cardea of the same version as the agent.',
  });
}

function wrongToken(node: string): RefusedProblem {
  return new RefusedProblem({
    code: 'agent-token',
    happened: `The agent of ${node} does not accept the token of the request.`,
    state: 'Nothing was changed.',
    next: 'Use the token of the agents of this environment. Check whether the agent of another environment answers at this address.',
  });
}

function noSuchThing(path: string): FailedProblem {
  return new FailedProblem({
    code: 'not-there',
    happened: `The agent has nothing at ${path}.`,
    state: 'Nothing was changed.',
    next: 'Start the job first. If that fails, compare the versions of Cardea and of the agent.',
  });
}
