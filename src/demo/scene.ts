import type { Actor } from '../journal/event.ts';
import type { EnvironmentConfig } from '../model/config.ts';
import type { Clock, Ids } from '../ports/clock.ts';
import type { Platform } from '../ports/platform.ts';
import type { RunbookServices } from '../runbooks/index.ts';
import type { Bank } from '../sample/bank.ts';
import type { TransactionLog } from '../sample/transaction-log.ts';
import type { Writer } from '../sample/writer.ts';
import type { DemoSize } from './demo-config.ts';
import type { PhaseClock } from './phase-clock.ts';
import type { Stage } from './stage.ts';

export interface DemoOptions extends DemoSize {
  /** About how many vertices. */
  readonly vertices: number;
  readonly seed: number;
  readonly keep: boolean;
}

export interface DemoWorld {
  readonly stage: Stage;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly actor: Actor;
  readonly version: string;
  readonly environment: EnvironmentConfig;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Opens the environment once it is up. */
  open(): Promise<Platform>;
}

/** What every chapter is given: the world, and the environment that was brought up in it. */
export interface Scene extends DemoWorld {
  readonly options: DemoOptions;
  readonly platform: Platform;
  readonly services: RunbookServices;
  /** Folder of the environment. */
  readonly directory: string;
  readonly phase: PhaseClock;
}

/** The bank open for business: its graph loaded, its application writing. */
export interface OpenBank {
  readonly bank: Bank;
  readonly writer: Writer;
  readonly log: TransactionLog;
}
