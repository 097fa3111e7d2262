import type { EnvironmentConfig } from '../model/config.ts';
import type { Clock } from '../ports/clock.ts';
import type { Platform } from '../ports/platform.ts';

/** The services that every runbook gets. */
export interface RunbookServices {
  readonly platform: Platform;
  readonly config: EnvironmentConfig;
  readonly clock: Clock;
}
