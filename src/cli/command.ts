import type { Problem } from '../model/problem.ts';
import type { CliContext } from './context.ts';
import type { Interruption } from './terminal/interrupt.ts';

/**
 * The form of every command. A command is a folder and one line:
 *
 *   src/cli/commands/<command>/declaration.ts  what `--help`, the shell and docs/cli.md need. Loaded at every start, so it imports only this file.
 *   src/cli/commands/<command>/action.ts       `export const action: Action<typeof declaration>`: loaded only when the command runs.
 *   src/cli/commands/<command>/text.ts         what it prints for people; pure. Not every command has one.
 *   src/cli/commands/index.ts                  the line that binds declaration and action.
 */
export interface Declaration<Arguments extends AnyArguments = AnyArguments, Options extends AnyOptions = AnyOptions> {
  /** `backup`, or `run show` for a command below a group or another command. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** What a reader of `--help` wants to know beyond the sentence; short paragraphs. */
  readonly about?: string;
  readonly group: CommandGroup;
  /** In the order they are typed. */
  readonly arguments: Arguments;
  /** Keys are camelCase and become `--kebab-case`. */
  readonly options: Options;
  /** True: `--plan` shows the steps and changes nothing; the action reads `context.flags.plan`. */
  readonly plan?: boolean;
  /**
   * True: it carries out a run, or refuses to. With `--json` it always ends with `ok`, `status`, `run` (null where no run was begun or carried
   * on) and, unless it is ok, `problem`; wrong use ends with `problem` alone, as everywhere.
   */
  readonly run?: true;
  /**
   * What Ctrl-C means for it, by what was typed. Absent for a command that only reads: it ends at the first, and nothing is lost. An action
   * that knows more as it goes says so to `context.interrupt`.
   */
  interrupted?(this: void, input: Typed<Arguments, Options>): Interruption;
  readonly examples: ReadonlyArray<{ readonly run: string; readonly says: string }>;
}

export type CommandGroup = 'Main operations' | 'Inspection' | 'Runs' | 'Setup' | 'Processes';

/** What an action is given: arguments and options by name, typed by the declaration. */
export type Input<D extends Declaration> = Typed<D['arguments'], D['options']>;

type Typed<Arguments, Options> = { readonly [K in keyof Arguments]: ValueOf<Arguments[K]> } & {
  readonly [K in keyof Options]: ValueOf<Options[K]>;
};

export type Action<D extends Declaration> = (context: CliContext, input: Input<D>) => Promise<Outcome>;

/** What a command ends with: with `--json` the value, else the text (no final newline; empty prints nothing). */
export interface Outcome {
  readonly json: object;
  readonly text: string;
  /** 1 where the command did its work and the answer is bad: findings of `check`, a red `status --check`. 0 when absent. */
  readonly exitCode?: 0 | 1;
  /**
   * A failure of a command that also has a result, such as the run. It is printed like a thrown problem, and is
   * `problem` in the JSON.
   */
  readonly problem?: Problem;
  /** With `--json` the action has written every line by itself: nothing comes after them. */
  readonly written?: boolean;
}

export function declare<const A extends AnyArguments, const O extends AnyOptions>(
  declaration: Declaration<A, O>,
): Declaration<A, O> {
  return declaration;
}

export interface Argument<Value> {
  readonly kind: 'required' | 'optional' | 'rest';
  readonly says: string;
  /** Carries the type only; never present. */
  readonly type?: Value;
}

export interface Option<Value> {
  readonly kind: 'flag' | 'text' | 'texts' | 'choice' | 'number';
  /** How the value is written in help: `FILE`, `POINT|TIME`. */
  readonly value?: string;
  readonly says: string;
  readonly choices?: readonly string[];
  readonly default?: Value;
  readonly type?: Value;
}

type AnyArguments = Readonly<Record<string, Argument<unknown>>>;
type AnyOptions = Readonly<Record<string, Option<unknown>>>;
type ValueOf<T> = T extends Argument<infer V> ? V : T extends Option<infer V> ? V : never;

export function required(says: string): Argument<string> {
  return { kind: 'required', says };
}

export function optional(says: string): Argument<string | undefined> {
  return { kind: 'optional', says };
}

/** Any number of them, also none. */
export function rest(says: string): Argument<readonly string[]> {
  return { kind: 'rest', says };
}

export function flag(says: string): Option<boolean> {
  return { kind: 'flag', says, default: false };
}

export function text(value: string, says: string): Option<string | undefined> {
  return { kind: 'text', value, says };
}

/** May be given several times, or once with several values. */
export function texts(value: string, says: string): Option<readonly string[]> {
  return { kind: 'texts', value, says, default: [] };
}

export function choice<const C extends string>(choices: readonly C[], says: string, standard: C): Option<C> {
  return { kind: 'choice', value: choices.join('|'), says, choices, default: standard };
}

/** A whole number of at least 0. */
export function number(value: string, says: string, standard: number): Option<number> {
  return { kind: 'number', value, says, default: standard };
}

/** What a stop means for a command that only reads: it can be left at any moment. */
export const readingOnly: Interruption = {
  state: 'It only reads: nothing was changed.',
  next: 'Run the same command again when you want its answer.',
};

/** What a stop means for a command that carries out a run, until the run has begun and says itself how it is resumed. */
export const beforeItsRun: Interruption = {
  stopping: 'Stopping; no run has begun. Ctrl-C again leaves at once.',
  state: 'No run was begun, and nothing was changed.',
  next: 'Run the same command again.',
  left: 'If a run had just begun, `cardea runs` shows it, and it can be resumed.',
};

/** A declaration with the way to its implementation. */
export interface Command {
  readonly declaration: Declaration;
  readonly load: () => Promise<(context: CliContext, input: Readonly<Record<string, unknown>>) => Promise<Outcome>>;
}

/** Binds a declaration to its implementation; does not compile when the action expects other input. */
export function command<D extends Declaration>(
  declaration: D,
  load: () => Promise<{ readonly action: Action<D> }>,
): Command {
  return {
    declaration,
    async load() {
      const { action } = await load();
      // The program hands over exactly the names and types that the declaration says.
      return (context, input) => action(context, input as Input<D>);
    },
  };
}
