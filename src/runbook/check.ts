import { stepId } from '../model/identifiers.ts';
import { UsageProblem } from '../model/problem.ts';
import { type TimeLimit, wrongLimits } from './time-limit.ts';

interface Node {
  readonly id: string;
  readonly needs: readonly string[];
  readonly timeout: TimeLimit;
  readonly when?: unknown;
  readonly always?: unknown;
}

/**
 * Steps in topological order, and in the given order where the graph allows it. Refuses a wrong graph, with every
 * mistake and the path of a cycle: the builder's types cannot check a graph that was made from data.
 */
export function checkedOrder<S extends Node>(runbook: string, steps: readonly S[], pivot?: string): readonly S[] {
  const mistakes: string[] = [];
  const byId = new Map<string, S>();
  for (const step of steps) {
    if (!stepId.safeParse(step.id).success)
      mistakes.push(`step "${step.id}": an id is kebab-case, at most 40 characters`);
    if (byId.has(step.id)) mistakes.push(`step "${step.id}" is defined twice`);
    byId.set(step.id, step);
    for (const wrong of wrongLimits(step.timeout, step.needs)) {
      mistakes.push(`step "${step.id}": timeout: ${wrong}`);
    }
  }
  if (pivot !== undefined && !byId.has(pivot)) mistakes.push(`the pivot "${pivot}" is no step`);
  for (const step of steps) {
    for (const need of step.needs) {
      const needed = byId.get(need);
      if (needed === undefined) mistakes.push(`step "${step.id}" needs "${need}", but there is no such step`);
      else if (needed.always !== undefined && step.always === undefined) {
        mistakes.push(`step "${step.id}" needs "${need}", but that step runs only at the end`);
      }
    }
    const when = step.when as { result?: string } | undefined;
    const source = when?.result?.split('.')[0];
    if (source !== undefined && !step.needs.includes(source)) {
      mistakes.push(
        `step "${step.id}": its condition reads the result of "${source}", but the step does not need "${source}"`,
      );
    }
  }
  const cycle = mistakes.length === 0 ? findCycle(byId) : undefined;
  if (cycle !== undefined) mistakes.push(`a cycle: ${cycle.join(' → ')}`);
  if (mistakes.length > 0) {
    throw new UsageProblem({
      code: 'bad-runbook',
      happened: `The runbook "${runbook}" is wrong.`,
      state: 'Nothing was started.',
      next: 'Correct the runbook: its steps must have no cycles, and every step that is needed must exist.',
      details: mistakes,
    });
  }
  return topological(steps);
}

function findCycle(byId: ReadonlyMap<string, Node>): readonly string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (id: string): readonly string[] | undefined => {
    const at = path.indexOf(id);
    if (at >= 0) return [...path.slice(at), id];
    if (done.has(id)) return undefined;
    path.push(id);
    for (const need of byId.get(id)?.needs ?? []) {
      const found = visit(need);
      if (found !== undefined) return found;
    }
    path.pop();
    done.add(id);
    return undefined;
  };
  for (const id of byId.keys()) {
    const found = visit(id);
    if (found !== undefined) return found;
  }
  return undefined;
}

function topological<S extends Node>(steps: readonly S[]): readonly S[] {
  const ordered: S[] = [];
  const placed = new Set<string>();
  let rest = [...steps];
  while (rest.length > 0) {
    const ready = rest.filter((step) => step.needs.every((need) => placed.has(need)));
    for (const step of ready) {
      ordered.push(step);
      placed.add(step.id);
    }
    rest = rest.filter((step) => !placed.has(step.id));
  }
  return ordered;
}
