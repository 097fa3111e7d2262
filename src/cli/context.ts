import type { Actor } from '../journal/event.ts';
import type { Interrupt } from './interrupt.ts';
import type { Output } from './output.ts';

/** The flags every command knows. */
export interface GlobalFlags {
  /** `--config FILE`. */
  readonly config: string | undefined;
  readonly json: boolean;
  readonly plan: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
}

/** What an action is given. Everything heavy is loaded when first asked for. */
export interface CliContext {
  readonly flags: GlobalFlags;
  readonly output: Output;
  readonly interrupt: Interrupt;
  readonly signal: AbortSignal;
  readonly actor: Actor;
  readonly version: string;
  /** Runs when the command is over, in reverse order, also after a failure. */
  onEnd(work: () => Promise<void>): void;
}
