import type { Actor } from '../journal/event.ts';
import type { EnvironmentConfig } from '../model/config.ts';
import type { Clock, Ids } from '../ports/clock.ts';
import type { Platform } from '../ports/platform.ts';
import type { Interrupt } from './terminal/interrupt.ts';
import type { LoadedConfig } from './configuration/load-config.ts';
import type { Output } from './terminal/output.ts';

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
  readonly clock: Clock;
  readonly ids: Ids;
  /** Read once. Throws UsageProblem, with every mistake of a wrong file. */
  config(): Promise<LoadedConfig>;
  /** An environment of the configuration; throws UsageProblem `unknown-environment` naming the known ones. */
  environment(name: string): Promise<NamedEnvironment>;
  /**
   * The open environment. Its parts connect when first used and are closed when the command is over. One name always
   * gives the same object.
   */
  platform(name: string): Promise<Platform>;
  /** Runs when the command is over, in reverse order, also after a failure. */
  onEnd(work: () => Promise<void>): void;
}

export interface NamedEnvironment {
  readonly name: string;
  readonly config: EnvironmentConfig;
  /** File of the key that signs its audit chain; never in its bucket. */
  readonly auditKey: string;
  /** Public keys (PEM) that the configuration trusts, beside this machine's own. */
  readonly operatorKeys: readonly string[];
}
