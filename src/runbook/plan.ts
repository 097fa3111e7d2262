import { sha256 } from '../model/sha256.ts';
import { canonicalJson } from '../model/canonical-json.ts';
import { conditionText, holds } from './condition.ts';
import type { Effect, Guard, Retry, Runbook } from './define.ts';
import { timeLimitText } from './time-limit.ts';

export interface PlanStep {
  readonly id: string;
  readonly title: string;
  readonly effect: Effect;
  readonly needs: readonly string[];
  /** `mode is full`; absent for a step without a condition. */
  readonly when?: string;
  /** `never`: the params rule it out. `depends`: on a result not known yet. */
  readonly runs: 'yes' | 'never' | 'depends';
  /** `5m`, or `12h, or 5m for each GiB of check-files.bytes`. */
  readonly timeout: string;
  readonly retry?: Retry;
  /** Runs at the end, also after a failure. */
  readonly always: true | 'after-change' | 'unless-moved' | false;
  /** Done again at every resume. */
  readonly guard?: Guard;
}

/** What a run would do, before anything happens. */
export interface Plan {
  readonly runbook: string;
  readonly version: number;
  readonly title: string;
  readonly environment: string;
  readonly params: unknown;
  readonly steps: readonly PlanStep[];
  /** The first step that moves or deletes data. */
  readonly pivot?: string;
  /** SHA-256 of the canonical JSON of all the above: what an approval is bound to. */
  readonly hash: string;
}

/** Pure. `params` are those the runbook's schema returned. */
export function planOf<P, S>(runbook: Runbook<P, S>, params: P, environment: string): Plan {
  const plan = {
    runbook: runbook.name,
    version: runbook.version,
    title: runbook.title,
    environment,
    params,
    steps: runbook.steps.map((step) => planStep(step as Runbook['steps'][number], params)),
    ...(runbook.pivot === undefined ? {} : { pivot: runbook.pivot }),
  };
  return { ...plan, hash: sha256(canonicalJson(plan)) };
}

/** Whether a step that can run deletes or overwrites data: such a run must be confirmed with the environment's name. */
export function isDestructive(plan: Plan): boolean {
  return plan.steps.some((step) => step.effect === 'destroy' && step.runs !== 'never');
}

/** Whether every step that can run only reads: such a run needs no lease. */
export function onlyReads(plan: Plan): boolean {
  return plan.steps.every((step) => step.effect === 'read' || step.runs === 'never');
}

function planStep(step: Runbook['steps'][number], params: unknown): PlanStep {
  const condition = step.when as Parameters<typeof holds>[0] | undefined;
  return {
    id: step.id,
    title: step.title,
    effect: step.effect,
    needs: step.needs,
    ...(condition === undefined ? {} : { when: conditionText(condition) }),
    runs:
      condition === undefined || !('param' in condition)
        ? condition === undefined
          ? 'yes'
          : 'depends'
        : holds(condition, params, {})
          ? 'yes'
          : 'never',
    timeout: timeLimitText(step.timeout),
    ...(step.retry === undefined ? {} : { retry: step.retry }),
    always: step.always ?? false,
    ...(step.guard === undefined ? {} : { guard: step.guard }),
  };
}
