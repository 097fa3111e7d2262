import type { EnvironmentConfig } from '../model/config.ts';
import type { Clock } from '../ports/clock.ts';
import type { Platform } from '../ports/platform.ts';

/** What every runbook of Cardea is given. */
export interface RunbookServices {
  readonly platform: Platform;
  readonly config: EnvironmentConfig;
  readonly clock: Clock;
}
