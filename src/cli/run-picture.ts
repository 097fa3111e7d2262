import type { RunEvent } from '../journal/event.ts';
import type { ProblemDocument } from '../model/problem.ts';
import type { Progress } from '../model/progress.ts';

/** A run as its journal tells it, ready to be drawn: live and afterwards the same. */
export interface RunPicture {
  readonly run: string;
  readonly runbook: string;
  readonly environment: string;
  readonly by: string;
  readonly startedAt: number;
  /** `open`: no end is in the journal yet; whether a process drives it is not known from here. */
  readonly state: 'open' | 'succeeded' | 'failed' | 'cancelled';
  readonly cancelRequested: boolean;
  /** Resumes so far. */
  readonly resumed: number;
  readonly seconds: number | undefined;
  readonly problem: ProblemDocument | undefined;
  readonly steps: readonly StepPicture[];
}

export interface StepPicture {
  readonly id: string;
  readonly title: string;
  readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'retrying' | 'skipped';
  readonly attempt: number;
  /** Milliseconds since the epoch of the first start. */
  readonly startedAt: number | undefined;
  readonly seconds: number | undefined;
  readonly progress: Progress | undefined;
  /** Progress per second over the last samples; undefined until two are known. */
  readonly rate: number | undefined;
  readonly problem: ProblemDocument | undefined;
  readonly retryAt: number | undefined;
  readonly reason: string | undefined;
}

export interface StepTitle {
  readonly id: string;
  readonly title: string;
}

/** Folds events into a picture; `steps` gives order and titles, steps of an older runbook that are not among them follow at the end. */
export class RunReplay {
  readonly #steps = new Map<string, MutableStep>();
  #head: Omit<RunPicture, 'steps'> | undefined;

  constructor(steps: readonly StepTitle[]) {
    for (const { id, title } of steps) this.#steps.set(id, newStep(id, title));
  }

  add(event: RunEvent): void {
    const at = Date.parse(event.at);
    const body = event.event;
    if (body.type === 'run-started') {
      this.#head = {
        run: event.run,
        runbook: body.runbook,
        environment: body.environment,
        by: `${body.actor.name}@${body.actor.host}`,
        startedAt: at,
        state: 'open',
        cancelRequested: false,
        resumed: 0,
        seconds: undefined,
        problem: undefined,
      };
      return;
    }
    if (this.#head === undefined) return;
    switch (body.type) {
      case 'run-resumed':
        this.#head = {
          ...this.#head,
          state: 'open',
          problem: undefined,
          seconds: undefined,
          cancelRequested: false,
          resumed: this.#head.resumed + 1,
        };
        for (const step of this.#steps.values()) if (step.state !== 'done' && step.state !== 'skipped') reset(step);
        break;
      case 'step-started': {
        const step = this.#step(body.step);
        Object.assign(step, {
          state: 'running',
          attempt: body.attempt,
          startedAt: step.startedAt ?? at,
          retryAt: undefined,
          samples: [],
        });
        step.progress = undefined;
        break;
      }
      case 'step-progress': {
        const step = this.#step(body.step);
        step.progress = body.progress;
        step.samples = [
          ...step.samples.filter((sample) => at - sample.at <= rateWindow),
          { at, done: body.progress.done },
        ];
        break;
      }
      case 'step-succeeded':
        Object.assign(this.#step(body.step), { state: 'done', seconds: body.seconds, problem: undefined });
        break;
      case 'step-failed':
        Object.assign(this.#step(body.step), {
          state: body.retryAt === undefined ? 'failed' : 'retrying',
          seconds: body.seconds,
          problem: body.problem,
          retryAt: body.retryAt === undefined ? undefined : Date.parse(body.retryAt),
        });
        break;
      case 'step-skipped':
        Object.assign(this.#step(body.step), { state: 'skipped', reason: body.reason });
        break;
      case 'cancel-requested':
        this.#head = { ...this.#head, cancelRequested: true };
        break;
      case 'run-succeeded':
        this.#head = { ...this.#head, state: 'succeeded', seconds: body.seconds };
        break;
      case 'run-failed':
        this.#head = { ...this.#head, state: 'failed', seconds: body.seconds, problem: body.problem };
        break;
      case 'run-cancelled':
        this.#head = { ...this.#head, state: 'cancelled', seconds: body.seconds };
        break;
    }
  }

  /** Undefined until the run has started. */
  get picture(): RunPicture | undefined {
    if (this.#head === undefined) return undefined;
    return {
      ...this.#head,
      steps: [...this.#steps.values()].map(({ samples, ...step }) => ({ ...step, rate: rateOf(samples) })),
    };
  }

  #step(id: string): MutableStep {
    const known = this.#steps.get(id);
    if (known !== undefined) return known;
    const made = newStep(id, id);
    this.#steps.set(id, made);
    return made;
  }
}

interface Sample {
  readonly at: number;
  readonly done: number;
}

type MutableStep = { -readonly [K in keyof Omit<StepPicture, 'rate'>]: StepPicture[K] } & {
  samples: readonly Sample[];
};

/** The rate shown is that of the last half minute: an average since the start hides that work has slowed down. */
const rateWindow = 30_000;

function newStep(id: string, title: string): MutableStep {
  return {
    id,
    title,
    state: 'waiting',
    attempt: 0,
    startedAt: undefined,
    seconds: undefined,
    progress: undefined,
    problem: undefined,
    retryAt: undefined,
    reason: undefined,
    samples: [],
  };
}

function reset(step: MutableStep): void {
  Object.assign(step, newStep(step.id, step.title));
}

function rateOf(samples: readonly Sample[]): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.at <= first.at) return undefined;
  return Math.max(0, ((last.done - first.done) * 1000) / (last.at - first.at));
}
