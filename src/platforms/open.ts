import type { EnvironmentConfig } from '../model/config.ts';
import { RefusedProblem } from '../model/problem.ts';
import type { Platform } from '../ports/platform.ts';

/**
 * An environment with everything that runbooks need of it; `project` is the name that the configuration gives. Cheap: its parts are reached when first used. Throws RefusedProblem
 * `not-up` when it is an environment of the sandbox that does not exist here, `not-available` for what this version cannot reach.
 */
export async function openPlatform(
  config: EnvironmentConfig,
  environment: string,
  project?: string,
): Promise<Platform> {
  switch (config.platform.kind) {
    case 'sandbox': {
      const { openSandbox } = await import('./sandbox/platform.ts');
      return openSandbox(environment, project);
    }
    case 'kubernetes':
      throw new RefusedProblem({
        code: 'not-available',
        happened: `${environment} is on Kubernetes (namespace ${config.platform.namespace}), which this version of Cardea cannot reach yet.`,
        state: 'Nothing was changed.',
        next: "Use an environment with `platform: { kind: 'sandbox' }`, such as `local` of the sample configuration.",
      });
  }
}
