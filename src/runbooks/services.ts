import type { EnvironmentConfig } from '../model/config.ts';
import type { Clock } from '../ports/clock.ts';
import { patientStore } from '../ports/patient-store.ts';
import type { Platform } from '../ports/platform.ts';
import { resumeCommand } from '../runbook/resume-command.ts';

/** The services that every runbook gets. */
export interface RunbookServices {
  readonly platform: Platform;
  readonly config: EnvironmentConfig;
  readonly clock: Clock;
  /** The command that carries another run on from this machine; undefined when nothing does. Absent where nobody reads what is proposed. */
  readonly resumeCommand?: (run: string) => Promise<string | undefined>;
}

/** The command that carries the run on from here; undefined when nothing does. */
export async function resumeOf({ resumeCommand: known }: RunbookServices, run: string): Promise<string | undefined> {
  return known === undefined ? resumeCommand(run) : known(run);
}

/**
 * The same for a step that reads many objects: one that cannot be read at once costs time, and the step need not begin
 * anew.
 */
export function patientServices(services: RunbookServices, signal: AbortSignal): RunbookServices {
  const { platform, clock } = services;
  const { bucket } = platform;
  const patient = {
    ...patientStore(bucket, clock, signal),
    look: async () => bucket.look(),
    claim: async () => bucket.claim(),
  };
  return { ...services, platform: { ...platform, bucket: patient } };
}
