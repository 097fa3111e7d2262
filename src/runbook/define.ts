import type { z } from 'zod';
import type { ReportProgress } from '../model/progress.ts';
import { checkedOrder } from './check.ts';
import type { TimeLimit } from './time-limit.ts';

/** What a step does to the environment. `destroy` steps run only in runs that were confirmed with the environment's name. */
export type Effect = 'read' | 'write' | 'destroy';

/** A condition as data, so that it can be shown in a plan and compiled to a Tekton `when`: a param, or a field of a needed step's result, equals a value. */
export type When<Params, Results> =
  | { readonly param: keyof Params & string; readonly is: string | number | boolean }
  | { readonly result: `${keyof Results & string}.${string}`; readonly is: string | number | boolean };

export interface Retry {
  readonly attempts: number;
  /** First wait between attempts, a duration such as `2s`; doubled each time up to `max`, with jitter. */
  readonly backoff: string;
  readonly max: string;
}

/**
 * What a step's `run` gets. `results` holds the results of exactly the steps that it needs; undefined for a skipped
 * one.
 */
export interface StepContext<Params, Results, Services, Result = unknown> {
  /** With the step the key of what it asks for: the same for every attempt and after every resume. */
  readonly run: string;
  readonly step: string;
  readonly environment: string;
  /** Epoch of the lease this run holds; passed on to the agents of what the lease is of, which refuse a lower one. */
  readonly epoch: number;
  /** The epoch with which the run began: every later one is of something that came after it, or of a resume. */
  readonly begun: number;
  readonly attempt: number;
  /** When the step's first attempt started: the same for every attempt and after every resume. */
  readonly startedAt: Date;
  readonly params: Params;
  readonly results: Results;
  /** What the step returned before a resume does it again; only guards are done again. */
  readonly earlier: Result | undefined;
  readonly services: Services;
  readonly progress: ReportProgress;
  /** A line for the step's log, kept in the bucket with the run. */
  readonly log: (line: string) => void;
  /** Aborted on cancel, on timeout and when the lease is lost. */
  readonly signal: AbortSignal;
}

export interface Step<Params = unknown, Results = Record<string, unknown>, Services = unknown, Result = unknown> {
  readonly id: string;
  readonly title: string;
  readonly effect: Effect;
  readonly needs: readonly string[];
  readonly when?: When<Params, Results>;
  readonly retry?: Retry;
  /**
   * A duration such as `5m`, or what follows the bytes that there are to handle. Every step has one: a step that hangs is
   * a failure with a name.
   */
  readonly timeout: TimeLimit<Results>;
  readonly result: z.ZodType<Result>;
  readonly run: (context: StepContext<Params, Results, Services, Result>) => Promise<Result>;
  /**
   * Runs after everything else, also after a failure or cancel; its own failure does not hide the first.
   * `after-change`: only if a step that writes or destroys had begun; otherwise there is nothing to clean up, and
   * perhaps no server that answers.
   * `unless-moved`: only if the run failed or was cancelled after it had stopped something, and before the runbook's
   * pivot; it starts again what was stopped.
   */
  readonly always?: true | 'after-change' | 'unless-moved';
  /** Every step that is none is done once. */
  readonly guard?: Guard;
}

/**
 * A look at the world, or something that keeps it as the next steps need it: done again at every resume while a step that needs it has not
 * finished. `until-stopped`: only as long as nothing was stopped, which is what others may change until then; `until-moved`: only as long as the
 * pivot has not begun; `to-the-end`: of what the run leaves behind, also when nothing is left that needs it.
 */
export type Guard = true | 'until-stopped' | 'until-moved' | 'to-the-end';

/** A runbook as data: plain, frozen, in topological order. */
export interface Runbook<Params = unknown, Services = unknown> {
  readonly name: string;
  readonly version: number;
  readonly title: string;
  readonly params: z.ZodType<Params>;
  /**
   * The copy beside the environment that a run makes and works on: it holds the lease of that copy, not the
   * environment's, so its steps must change nothing of the environment. The name is the same for every attempt and
   * after every resume.
   */
  readonly copyOf?: (context: { readonly run: string; readonly params: Params }) => string;
  /**
   * The first step that moves or deletes data. A run that fails before it has begun ends, with everything as it was; one that fails later can
   * be carried on until another run decides it.
   */
  readonly pivot?: string;
  /** The command that undoes what a run has done since its pivot, when there is one. */
  readonly wayBack?: (run: string, environment: string) => string;
  /** Codes of problems that carrying the run on cannot mend: the problem itself names the way. */
  readonly noWayOn?: readonly string[];
  /** Runs that are over once this one has succeeded, because it decides what they left: what their journals lack of an end is added. */
  readonly ends?: (context: {
    readonly run: string;
    readonly params: Params;
    readonly services: Services;
  }) => Promise<readonly string[]>;
  /** Throws RefusedProblem when another run has decided what this one left: it cannot be carried on any more. */
  readonly mayResume?: (context: {
    readonly run: string;
    readonly environment: string;
    readonly params: Params;
    /** Whether a step that destroys had begun: then the run would at least start servers again. */
    readonly stopped: boolean;
    readonly services: Services;
  }) => Promise<void>;
  readonly steps: ReadonlyArray<Step<Params, Record<string, unknown>, Services, unknown>>;
}

type StepDefinition<
  Params,
  Available,
  Services,
  Id extends string,
  Needs extends keyof Available & string,
  Result,
> = Omit<Step<Params, Pick<Available, Needs>, Services, Result>, 'id' | 'needs'> & {
  readonly id: Id;
  readonly needs: readonly Needs[];
};

/**
 * Builds a runbook one step after the other. A step can only need steps that are already defined, so a cycle, a missing
 * need or a result that no step makes does not compile: `results` has exactly the results of the needed steps, typed by
 * their schemas.
 */
export interface RunbookBuilder<Params, Services, Results> {
  step<Id extends string, Result, Needs extends keyof Results & string = never>(
    definition: StepDefinition<Params, Results, Services, Id, Needs, Result>,
  ): RunbookBuilder<Params, Services, Results & { readonly [K in Id]: Result }>;
  build(): Runbook<Params, Services>;
}

export function defineRunbook<Params, Services>(
  head: Omit<Runbook<Params, Services>, 'steps'>,
): RunbookBuilder<Params, Services, unknown> {
  return builder<Params, Services, unknown>(head, []);
}

function builder<Params, Services, Results>(
  head: Omit<Runbook<Params, Services>, 'steps'>,
  steps: Runbook<Params, Services>['steps'],
): RunbookBuilder<Params, Services, Results> {
  return {
    step(definition) {
      // The builder's types have already checked what the engine will pass; the stored step is the untyped view of it.
      const step = definition as unknown as Runbook<Params, Services>['steps'][number];
      return builder(head, [...steps, step]);
    },
    build() {
      const runbook = { ...head, steps: checkedOrder(head.name, steps, head.pivot) };
      return Object.freeze(runbook);
    },
  };
}
