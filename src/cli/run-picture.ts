import type { RunEvent } from '../journal/event.ts';
import { applyEvent, type RunState, type StepState } from '../journal/run-state.ts';

/** A run ready to be drawn, live and afterwards the same: what its journal says, in the order and with the titles of its runbook. */
export interface RunPicture {
  readonly state: RunState;
  readonly steps: readonly StepPicture[];
}

export interface StepPicture {
  readonly id: string;
  readonly title: string;
  /** Undefined: it has not begun. */
  readonly state: StepState | undefined;
  /** Progress per second over the last half minute; undefined until two samples are known. */
  readonly rate: number | undefined;
}

export interface StepTitle {
  readonly id: string;
  readonly title: string;
}

/** Undefined while no run has started. Steps of another version of the runbook, which have no title here, follow at the end. */
export function runPicture(
  state: RunState | undefined,
  titles: readonly StepTitle[],
  rates: ReadonlyMap<string, number> = new Map(),
): RunPicture | undefined {
  if (state === undefined) return undefined;
  const known = new Set(titles.map((title) => title.id));
  const untitled = Object.keys(state.steps).filter((id) => !known.has(id));
  const all = [...titles, ...untitled.map((id) => ({ id, title: id }))];
  return { state, steps: all.map(({ id, title }) => ({ id, title, state: state.steps[id], rate: rates.get(id) })) };
}

/** The picture kept up to date event by event. */
export interface RunReplay {
  add(event: RunEvent): void;
  readonly picture: RunPicture | undefined;
}

export function runReplay(titles: readonly StepTitle[]): RunReplay {
  let state: RunState | undefined;
  const samples = new Map<string, readonly Sample[]>();
  return {
    add(event) {
      state = applyEvent(state, event);
      const body = event.event;
      if (body.type === 'step-started') samples.delete(body.step);
      if (body.type !== 'step-progress') return;
      const at = Date.parse(event.at);
      const recent = (samples.get(body.step) ?? []).filter((sample) => at - sample.at <= rateWindow);
      samples.set(body.step, [...recent, { at, done: body.progress.done }]);
    },
    get picture() {
      const rates = [...samples].flatMap(([step, taken]) => {
        const rate = rateOf(taken);
        return rate === undefined ? [] : [[step, rate] as const];
      });
      return runPicture(state, titles, new Map(rates));
    },
  };
}

interface Sample {
  readonly at: number;
  readonly done: number;
}

/** An average since the start would hide that the work has slowed down. Milliseconds. */
const rateWindow = 30_000;

function rateOf(samples: readonly Sample[]): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.at <= first.at) return undefined;
  return Math.max(0, ((last.done - first.done) * 1000) / (last.at - first.at));
}
