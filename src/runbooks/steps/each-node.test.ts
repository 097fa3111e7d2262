import { describe, expect, test } from 'vitest';
import { plantedAt, plantedFault } from '../../../test/support/planted-fault.ts';
import { faultTrace } from '../../model/fault-trace.ts';
import { FailedProblem, Problem, RefusedProblem, RetryableProblem, UsageProblem } from '../../model/problem.ts';
import type { Progress } from '../../model/progress.ts';
import type { NodeAgent } from '../../ports/node-agent.ts';
import type { Platform } from '../../ports/platform.ts';
import { askEachNode, onEachNode } from './each-node.ts';

const nodes = ['node-1', 'node-2', 'node-3'];
const done = { bytes: 7 };
const text = { code: 'c', happened: 'It broke.', state: 's', next: 'n' };

/** What the job of a node comes to. */
type Ends = Readonly<Record<string, () => unknown>>;
type Run = (follow: { readonly signal: AbortSignal; readonly progress: (progress: Progress) => void }) => unknown;

function platformOf(run: (node: string) => Run): Platform {
  const agent = (node: string) =>
    ({
      run: async (_key: unknown, _kind: unknown, _params: unknown, follow: Parameters<Run>[0]) => run(node)(follow),
    }) as unknown as NodeAgent;
  return { nodes: nodes.map((name) => ({ name })), agent } as unknown as Platform;
}

async function accept(platform: Platform, signal = new AbortController().signal) {
  const seen: Progress[] = [];
  const call = {
    run: 'accept-1',
    step: 'remove',
    epoch: 1,
    signal,
    progress: (each: Progress) => void seen.push(each),
  };
  const ended = onEachNode(platform, call, 'accept-aside', () => ({ run: 'restore-1' }));
  const outcome = await ended.catch((thrown: unknown) => thrown);
  return { outcome, seen };
}

async function problemWhere(ends: Ends): Promise<Problem> {
  const { outcome } = await accept(platformOf((node) => ends[node] ?? (() => done)));
  if (!(outcome instanceof Problem)) throw new TypeError('no problem was thrown');
  return outcome;
}

const failing = (problem: Problem) => () => {
  throw problem;
};

const subsets = [1, 2, 3, 4, 5, 6, 7].map((bits) => nodes.filter((_node, at) => (bits & (1 << at)) !== 0));

describe('the nodes that fail', () => {
  test.each(subsets.map((subset) => [subset]))('%j are all named, and no other', async (subset) => {
    const problems = subset.map(
      (node, at) => [node, new FailedProblem({ ...text, happened: `Break ${at}.` })] as const,
    );
    const problem = await problemWhere(Object.fromEntries(problems.map(([node, each]) => [node, failing(each)])));
    const said = [problem.happened, ...problem.details].join('\n');
    expect(nodes.filter((node) => said.includes(node))).toEqual(subset);
    for (const [node, { happened }] of problems) expect(said).toContain(`${node}: ${happened}`);
    expect(problem).toMatchObject({ kind: 'failed', code: 'c', state: 's', next: 'n' });
    if (subset.length > 1) expect(problem.details).toHaveLength(subset.length);
  });

  test('a single one that its problem names already keeps its own words', async () => {
    const own = new RefusedProblem({ ...text, happened: 'The agent of node-2 has no room.', details: ['file x'] });
    expect(await problemWhere({ 'node-2': failing(own) })).toBe(own);
    const other = new RefusedProblem({ ...text, happened: 'node-20 was meant.', details: ['file x'] });
    expect(await problemWhere({ 'node-2': failing(other) })).toMatchObject({
      kind: 'refused',
      happened: 'node-2: node-20 was meant.',
      details: ['file x'],
    });
  });

  test('different problems are told with their own states and next steps', async () => {
    const problem = await problemWhere({
      'node-1': failing(new FailedProblem({ code: 'a', happened: 'A.', state: 'as', next: 'an', details: ['x\ny'] })),
      'node-3': failing(new FailedProblem({ code: 'b', happened: 'B.', state: 'bs', next: 'bn' })),
    });
    expect(problem).toMatchObject({ code: 'nodes-failed', happened: '2 of 3 nodes failed: node-1, node-3.' });
    expect(problem.details).toEqual(['node-1: A. State: as Next: an\n- x\n  y', 'node-3: B. State: bs Next: bn']);
  });

  test('are worth another try only when each of them is, and a refusal only when each refused', async () => {
    const [failed, refused, retryable] = [FailedProblem, RefusedProblem, RetryableProblem].map(
      (kind) => new kind(text),
    );
    const kindOf = async (first?: Problem, second?: Problem) =>
      first && second && (await problemWhere({ 'node-1': failing(first), 'node-2': failing(second) })).kind;
    expect(await kindOf(retryable, retryable)).toBe('retryable');
    expect(await kindOf(refused, refused)).toBe('refused');
    expect(await kindOf(retryable, refused)).toBe('failed');
    expect(await kindOf(failed, retryable)).toBe('failed');
    expect(await kindOf(refused, failed)).toBe('failed');
  });

  test('keep the traces of their faults, each under its name', async () => {
    const problem = await problemWhere({ 'node-1': plantedFault, 'node-3': plantedFault });
    expect(problem.code).toBe('unexpected');
    const trace = faultTrace(problem);
    for (const node of ['node-1', 'node-3']) {
      expect(trace.filter((line) => line.startsWith(`${node}: `) && line.includes(plantedAt))).toHaveLength(1);
    }
    const [single] = faultTrace(await problemWhere({ 'node-2': plantedFault }));
    expect(single).toMatch(/^TypeError: /);
  });
});

test('every node that does well is told in the order of the platform', async () => {
  const { outcome } = await accept(platformOf(() => () => done));
  expect(outcome).toEqual(nodes.map((node) => ({ node, result: done })));
});

test('the other nodes are followed to their end before a failure is told, with their progress', async () => {
  const end = Promise.withResolvers<void>();
  let followed = false;
  const accepting = accept(
    platformOf((node) => async ({ progress }) => {
      if (node === 'node-1') throw new FailedProblem(text);
      progress({ done: 1, total: 2, unit: 'items' });
      await end.promise;
      progress({ done: 2, total: 2, unit: 'items' });
      followed = true;
      return done;
    }),
  ).then((ended) => ({ ...ended, followed }));
  await Promise.resolve();
  end.resolve();
  const { outcome, seen, followed: before } = await accepting;
  expect(before).toBe(true);
  expect(outcome).toMatchObject({ happened: 'node-1: It broke.' });
  expect(seen.at(-1)).toEqual({ done: 4, unit: 'items' });
});

test('when the step is told to stop, that is what is thrown, whatever failed before', async () => {
  const stop = new AbortController();
  const why = new DOMException('cancelled', 'AbortError');
  const accepting = accept(
    platformOf((node) => async ({ signal }) => {
      if (node === 'node-1') throw new FailedProblem(text);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    }),
    stop.signal,
  );
  await Promise.resolve();
  stop.abort(why);
  expect((await accepting).outcome).toBe(why);
});

test('what a node failed with stands in the log at once, also when the step is told to stop afterwards', async () => {
  const stop = new AbortController();
  const lines: string[] = [];
  const failed: string[] = [];
  const platform = platformOf((node) => ({ signal }) => {
    if (node === 'node-1') throw plantedFault();
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  });
  const call = {
    run: 'accept-1',
    step: 'remove',
    epoch: 1,
    signal: stop.signal,
    progress: () => {},
    log: (line: string) => {
      lines.push(line);
      if (lines.length === 1) stop.abort(new DOMException('cancelled', 'AbortError'));
    },
  };
  const work = onEachNode(
    platform,
    call,
    'accept-aside',
    () => ({ run: 'r' }),
    ({ node }) => void failed.push(node),
  );
  await expect(work).rejects.toMatchObject({ name: 'AbortError' });
  expect(failed).toEqual(['node-1']);
  expect(lines.join('\n')).toContain(plantedAt);
});

test('problems of one class keep it, however many nodes have it', async () => {
  const usage = new UsageProblem({ ...text, code: 'bad-request' });
  const both = await problemWhere({ 'node-1': failing(usage), 'node-3': failing(usage) });
  expect(both).toMatchObject({ kind: 'usage', code: 'bad-request' });
});

test('a trace over many nodes has lines of each of them', async () => {
  const long = (node: string) =>
    new FailedProblem({ ...text, trace: Array.from({ length: 300 }, (_, at) => `line ${at} of ${node}`) });
  const problem = await problemWhere(Object.fromEntries(nodes.map((node) => [node, failing(long(node))])));
  for (const node of nodes) expect(faultTrace(problem).some((line) => line.startsWith(`${node}: `))).toBe(true);
});

test('any other question to every node names all that failed, too', async () => {
  const signal = new AbortController().signal;
  const asked = askEachNode(
    platformOf(() => () => done),
    { signal },
    'Asking',
    async (node) => {
      if (node !== 'node-2') throw new RetryableProblem({ ...text, happened: 'It is away.' });
      return node;
    },
  );
  await expect(asked).rejects.toMatchObject({ kind: 'retryable', happened: '2 of 3 nodes failed: node-1, node-3.' });
});
