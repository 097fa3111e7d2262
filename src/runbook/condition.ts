import type { When } from './define.ts';

type Condition = When<Record<string, unknown>, Record<string, unknown>>;

/** Whether a condition holds; a condition on the result of a skipped step never holds. */
export function holds(condition: Condition, params: unknown, results: Readonly<Record<string, unknown>>): boolean {
  return valueOf(condition, params, results) === condition.is;
}

/** `mode is full`, `check.needed is true`: as a plan shows it. */
export function conditionText(condition: Condition): string {
  return `${'param' in condition ? condition.param : condition.result} is ${condition.is}`;
}

function valueOf(condition: Condition, params: unknown, results: Readonly<Record<string, unknown>>): unknown {
  if ('param' in condition) return field(params, condition.param);
  const [step = '', ...path] = condition.result.split('.');
  return path.reduce(field, results[step]);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
