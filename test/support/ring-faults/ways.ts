import { z } from 'zod';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import { lookAtRun } from '../../../src/runbook/look-at-run.ts';
import { listOpenRestores, listRestores } from '../../../src/runbooks/catalog/restore-catalog.ts';
import { listTimelines } from '../../../src/runbooks/catalog/timeline-catalog.ts';
import type { Ended, TestSandbox } from '../sandbox.ts';

const status = z.object({
  signals: z.array(z.object({ name: z.string(), level: z.string(), says: z.string(), next: z.string().optional() })),
});

/** What Cardea says is half done or waits. */
export interface Told {
  /** Each way that it names now, as it is typed; the way back is the last. */
  readonly ways: readonly string[];
  /** A restore that has succeeded, or what it replaced, waits for a person: nothing is half done. */
  readonly waits: boolean;
}

const command = /^cardea (?:run|restore) (?:resume|revert|accept) \S+/;

/** What `cardea status local` names: what is to be decided before what is to be carried on. */
export async function told(sandbox: TestSandbox): Promise<Told> {
  const { signals } = await sandbox.answer(status, 'status', 'local');
  const named = ['decisions', 'runs']
    .flatMap((name) => signals.filter((each) => each.name === name))
    .filter(({ next }) => next !== undefined && command.test(next));
  // A restore that waits has time; what was interrupted holds the environment, and comes first.
  const waits = ({ name, level }: { name: string; level: string }) => name === 'decisions' && level === 'warning';
  const first = named.find((each) => !waits(each) || !each.next?.includes(', or to go back: ')) ?? named[0];
  const ways = (first?.next ?? '').split(', or to go back: ').filter((way) => command.test(way));
  return { ways, waits: first !== undefined && waits(first) };
}

/** As the records of the bucket have it: whether a restore is undecided, and whether one or its revert has left data half in place. */
export async function undecidedRestores(
  bucket: ObjectStore,
): Promise<{ readonly undecided: boolean; readonly half: boolean }> {
  const open = await listOpenRestores(bucket);
  const halves = await Promise.all(
    open.map(async ({ run, state }) => {
      const made = await lookAtRun(bucket, run);
      return state === 'reverting' || (state === 'open' && made?.status !== 'succeeded');
    }),
  );
  return { undecided: open.length > 0, half: halves.includes(true) };
}

/** What a refusal must leave alone, as the bucket has it: restores with what was decided, and histories. */
export async function standingOf(bucket: ObjectStore): Promise<string> {
  const restores = (await listRestores(bucket)).map(({ run, state, deciding }) => ({ run, state, deciding }));
  const timelines = (await listTimelines(bucket)).map(({ id }) => id);
  return JSON.stringify({ restores, timelines });
}

/** A way as arguments of the command line. */
export function argumentsOf(way: string): readonly string[] {
  const [, ...words] = way.split(' ');
  // A new base belongs to what a person does later; without it a fault takes less time.
  return [...words, '--env', 'local', ...(words[1] === 'revert' ? ['--without-base'] : [])];
}

/** What every command prints in the end. */
const answer = z.object({
  run: z.string().nullish(),
  ok: z.boolean().optional(),
  status: z.string().optional(),
  problem: z.object({ code: z.string(), happened: z.string(), state: z.string(), next: z.string() }).optional(),
});
export type Answer = z.infer<typeof answer>;

export function answerOf({ json }: Ended): Answer {
  const parsed = answer.safeParse(json);
  return parsed.success ? parsed.data : {};
}

/** `done`, `killed`, `refused (restore-open)`, `failed (node-not-started)`. */
export function wordOf(ended: Ended): string {
  const { problem, status } = answerOf(ended);
  if (ended.signal !== undefined) return 'killed';
  if (ended.exitCode === 0) return 'done';
  const word = ended.exitCode === 3 ? 'refused' : (status ?? `exit ${ended.exitCode}`);
  return `${word} (${problem?.code ?? 'says nothing'})`;
}
