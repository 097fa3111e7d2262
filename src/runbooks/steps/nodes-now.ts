import { type Micros, microsOf } from '../../model/instant.ts';
import { asProblem } from '../../model/problem.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Platform } from '../../ports/platform.ts';

export interface AskingClocks {
  readonly services: { readonly platform: Platform; readonly clock: Clock };
  readonly log: (line: string) => void;
}

/**
 * The time now by the clocks of the nodes, the earliest of them: what is written on a timeline is timed by these. By a
 * clock here that is ahead, the first writes would be older than their timeline. Where no agent answers, the clock here
 * is all there is.
 */
export async function nodesNow(asking: AskingClocks): Promise<Micros> {
  const [earliest] = await nodesClocks(asking);
  return earliest ?? microsOf(asking.services.clock.now());
}

/** What the clocks of the nodes say, ascending; without those that could not be asked. */
export async function nodesClocks({ services: { platform }, log }: AskingClocks): Promise<readonly Micros[]> {
  const answers = await Promise.all(
    platform.nodes.map(async ({ name }) => {
      try {
        return microsOf(new Date((await platform.agent(name).health()).at));
      } catch (error) {
        log(`the clock of ${name} is not known: ${asProblem(error, 'Asking its agent').happened}`);
        return undefined;
      }
    }),
  );
  return answers.filter((at) => at !== undefined).toSorted((a, b) => a - b);
}
