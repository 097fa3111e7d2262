import type { Platform } from '../ports/platform.ts';
import type { RunbookServices } from '../runbooks/index.ts';
import type { Bank } from '../sample/bank.ts';
import type { TransactionLog } from '../sample/transaction-log.ts';
import type { Writer } from '../sample/writer.ts';
import type { PhaseClock } from './phase-clock.ts';
import type { DemoOptions, DemoWorld } from './story.ts';

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
