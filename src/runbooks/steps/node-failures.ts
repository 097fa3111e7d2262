import { faultTrace, mostTold } from '../../model/fault-trace.ts';
import { type Problem, type ProblemKind, problemOf } from '../../model/problem.ts';

export interface NodeFailure {
  readonly node: string;
  readonly problem: Problem;
}

/**
 * Pure: one problem for the nodes of a step that failed. Of a single node its own, which then names it. Of several
 * one that lists each with what happened to it and what to do: of the code that all share, else `nodes-failed`; worth
 * another try only when each of them is, and a refusal only when each refused, because then alone nothing was
 * changed.
 */
export function nodesProblem(failures: readonly [NodeFailure, ...NodeFailure[]], nodes: number): Problem {
  if (failures.length === 1) return named(failures[0]);
  const problems = failures.map(({ problem }) => problem);
  const [state, next] = [common(problems, 'state'), common(problems, 'next')];
  return problemOf(commonKind(problems), {
    code: common(problems, 'code') ?? 'nodes-failed',
    happened: `${failures.length} of ${nodes} nodes failed: ${failures.map(({ node }) => node).join(', ')}.`,
    state: state ?? 'It is not the same on each of these nodes: see above.',
    next: next ?? 'Do what is said above for each of these nodes, then try again.',
    details: failures.map((failure) => told(failure, state === undefined, next === undefined)),
    trace: failures.flatMap(({ node, problem }) => {
      // As many lines of each as there is room for: none may push out another one.
      const lines = faultTrace(problem).slice(0, Math.max(4, Math.floor(mostTold / failures.length)));
      return lines.map((line) => `${node}: ${line}`);
    }),
  });
}

function named({ node, problem }: NodeFailure): Problem {
  if (names(problem.happened, node)) return problem;
  const { kind, code, happened, state, next, details } = problem;
  return problemOf(kind, {
    code,
    happened: `${node}: ${happened}`,
    state,
    next,
    details,
    trace: faultTrace(problem),
    cause: problem,
  });
}

/** Everything that one node says, as one detail; its own details below. */
function told({ node, problem }: NodeFailure, withState: boolean, withNext: boolean): string {
  const { happened, state, next, details } = problem;
  const text = [
    names(happened, node) ? happened : `${node}: ${happened}`,
    ...(withState ? [`State: ${state}`] : []),
    ...(withNext ? [`Next: ${next}`] : []),
  ].join(' ');
  return [text, ...details.map((detail) => `- ${detail.replaceAll('\n', '\n  ')}`)].join('\n');
}

/** `node-1` stands in `the agent of node-1.` and not in `node-10`. */
function names(text: string, node: string): boolean {
  return text.split(/[^\w.-]+/).some((word) => word === node || word.replace(/[.-]+$/, '') === node);
}

function common(problems: readonly Problem[], field: 'code' | 'state' | 'next'): string | undefined {
  const values = new Set(problems.map((problem) => problem[field]));
  const [value] = values;
  return values.size === 1 ? value : undefined;
}

function commonKind(problems: readonly Problem[]): ProblemKind {
  const [kind, ...others] = new Set(problems.map((problem) => problem.kind));
  return kind === undefined || others.length > 0 ? 'failed' : kind;
}
