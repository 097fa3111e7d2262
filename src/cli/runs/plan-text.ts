import type { Plan, PlanStep } from '../../runbook/plan.ts';
import { noPaint, type Paint } from '../terminal/output.ts';
import { inReadingOrder } from './run-model.ts';
import { table } from '../terminal/table.ts';

/** A plan for people: each step with its effect on the environment, what it waits for, and when it is left out. */
export function planText(plan: Plan, paint: Paint = noPaint): string {
  const head = `${paint('bold', `${plan.runbook} ${plan.environment}`)}: ${plan.title}. This is only the plan; nothing was changed.`;
  const steps = table(
    inReadingOrder(plan.steps),
    [
      { title: 'STEP', cell: (step) => step.id },
      { title: 'EFFECT', cell: (step) => effectWord(step, paint) },
      { title: 'AFTER', cell: (step) => afterWhat(step) },
      { title: 'ONLY WHEN', cell: (step) => condition(step) },
      { title: 'WHAT', cell: (step) => step.title },
    ],
    paint,
  );
  const params = Object.entries(plan.params ?? {}).map(([name, value]) => `${name}=${valueText(value)}`);
  return [
    head,
    ...(params.length === 0 ? [] : [`With ${params.join(', ')}.`]),
    '',
    steps,
    '',
    `Plan ${plan.hash.slice(0, 16)}`,
  ].join('\n');
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function effectWord(step: PlanStep, paint: Paint): string {
  if (step.runs === 'never') return paint('dim', 'left out');
  if (step.effect === 'destroy') return paint('red', 'DESTROY');
  return step.effect === 'write' ? paint('yellow', 'write') : 'read';
}

function condition(step: PlanStep): string {
  return step.when === undefined ? '' : step.when;
}

function afterWhat({ always, needs }: PlanStep): string {
  if (always === false) return needs.join(', ');
  if (always === 'unless-moved') return 'all others, only after a failure before anything was moved';
  return always === 'after-change' ? 'all others, also after a failure' : 'all others, always';
}
