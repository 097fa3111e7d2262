import type { RunEvent } from '../../journal/event.ts';
import { applyEvent, type RunState, type StepState } from '../../journal/run-state.ts';
import type { Progress } from '../../model/progress.ts';
import type { PlanStep } from '../../runbook/plan.ts';

/** A run as it is drawn, live or afterwards: what its journal says, in the order and with the titles of its runbook. */
export interface RunModel {
  readonly state: RunState;
  readonly steps: readonly StepModel[];
}

export interface StepModel {
  readonly id: string;
  readonly title: string;
  /** Undefined: it has not begun. */
  readonly state: StepState | undefined;
  /** The newest report; while somebody watches, it is newer than the one in the journal. */
  readonly progress: Progress | undefined;
  /** Progress per second over the last half minute; undefined until two reports are known. */
  readonly rate: number | undefined;
}

export interface StepTitle {
  readonly id: string;
  readonly title: string;
}

/** Steps in the order in which people expect to read them: those that run at the very end come last. */
export function inReadingOrder<S extends { readonly always?: PlanStep['always'] }>(steps: readonly S[]): readonly S[] {
  const closing = (step: S) => step.always !== undefined && step.always !== false;
  return [...steps.filter((step) => !closing(step)), ...steps.filter(closing)];
}

/** Undefined while no run has started. Steps of another version of the runbook, which have no title here, follow at the end. */
export function runModel(
  state: RunState | undefined,
  titles: readonly StepTitle[],
  reports: ReadonlyMap<string, readonly Sample[]> = new Map(),
): RunModel | undefined {
  if (state === undefined) return undefined;
  const known = new Set(titles.map((title) => title.id));
  const untitled = Object.keys(state.steps).filter((id) => !known.has(id));
  const all = [...titles, ...untitled.map((id) => ({ id, title: id }))];
  const steps = all.map(({ id, title }) => {
    const samples = reports.get(id) ?? [];
    const step = state.steps[id];
    return { id, title, state: step, progress: samples.at(-1)?.progress ?? step?.progress, rate: rateOf(samples) };
  });
  return { state, steps };
}

/** The picture kept up to date. */
export interface RunReplay {
  event(event: RunEvent): void;
  /** Progress reported between events; `at` in milliseconds since the epoch. */
  progress(step: string, progress: Progress, at: number): void;
  readonly model: RunModel | undefined;
}

export function runReplay(titles: readonly StepTitle[]): RunReplay {
  let state: RunState | undefined;
  const reports = new Map<string, readonly Sample[]>();
  const report = (step: string, progress: Progress, at: number) => {
    const recent = (reports.get(step) ?? []).filter((sample) => at - sample.at <= rateWindow);
    reports.set(step, [...recent, { at, progress }]);
  };
  return {
    event(event) {
      state = applyEvent(state, event);
      const body = event.event;
      if (body.type === 'step-started') reports.delete(body.step);
      // Progress that was already reported live is not reported again from the journal, which is older.
      if (body.type === 'step-progress' && (reports.get(body.step)?.at(-1)?.progress.done ?? -1) < body.progress.done) {
        report(body.step, body.progress, Date.parse(event.at));
      }
    },
    progress: report,
    get model() {
      return runModel(state, titles, reports);
    },
  };
}

interface Sample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly progress: Progress;
}

/** Milliseconds. An average since the start would hide that the work has slowed down. */
const rateWindow = 30_000;

function rateOf(samples: readonly Sample[]): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.at <= first.at) return undefined;
  return Math.max(0, ((last.progress.done - first.progress.done) * 1000) / (last.at - first.at));
}
