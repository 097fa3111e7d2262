import { restoreRunbook, revertRunbook } from '../../src/runbooks/index.ts';
import type { Outcome } from './recovery-history.ts';
import {
  environment,
  type Environment,
  halfRestored,
  killed,
  left,
  type Process,
  restore,
  runOf,
  stateOf,
} from './told-sequences.ts';

/* Environments in which a run was killed at a moment that its journal tells. */

export const restoring =
  ({ played, point }: Environment) =>
  async (process: Process) =>
    played.begin(process, restoreRunbook, { point, newBase: false }, true);
export const reverting =
  ({ played }: Environment, of: string) =>
  async (process: Process) =>
    played.begin(process, revertRunbook, { restore: of, newBase: false }, true);

type Work = (process: Process) => Promise<Outcome>;
export interface Attempt {
  readonly world: Environment;
  readonly work: Work;
}
export interface Left extends Attempt {
  readonly run: string;
  /** The act after which it was killed. */
  readonly at: number;
}
type Steps = Readonly<Record<string, { readonly status: string }>>;

/** The first environment in which a killed run has come so far; each try in one of its own. `from`: the first act that is tried. */
export async function killedWhen(
  make: () => Promise<Attempt>,
  from: number,
  isThere: (run: string, steps: Steps, world: Environment) => boolean | Promise<boolean>,
): Promise<Left> {
  for (let at = from; at < from + 120; at += 1) {
    const { world, work } = await make();
    if (!(await killed(world, at, work))) break;
    const run = await left(world);
    if (run === undefined) continue;
    if (await isThere(run, (await stateOf(world, run))?.steps ?? {}, world)) return { world, work, run, at };
  }
  throw new TypeError('no moment like that');
}

export const aRestore = async (): Promise<Attempt> => {
  const world = await environment();
  return { world, work: restoring(world) };
};
export const aRevert =
  (half = false) =>
  async (): Promise<Attempt & { readonly made: string }> => {
    const world = await environment();
    const made = half ? await halfRestored(world) : runOf(await restore(world));
    return { world, work: reverting(world, made), made };
  };
export const stoppedAlone = (_run: string, steps: Steps) =>
  steps['stop-database']?.status === 'succeeded' &&
  steps['open-record'] === undefined &&
  steps['begin-decision'] === undefined;
