import type { EnvironmentConfig } from '../model/config.ts';
import type { Clock } from '../ports/clock.ts';
import { patientStore } from '../ports/patient-store.ts';
import type { Platform } from '../ports/platform.ts';

/** The services that every runbook gets. */
export interface RunbookServices {
  readonly platform: Platform;
  readonly config: EnvironmentConfig;
  readonly clock: Clock;
}

/**
 * The same for a step that reads many objects: one that cannot be read at once costs time, and the step need not begin
 * anew.
 */
export function patientServices(services: RunbookServices, signal: AbortSignal): RunbookServices {
  const { platform, clock } = services;
  return { ...services, platform: { ...platform, bucket: patientStore(platform.bucket, clock, signal) } };
}
