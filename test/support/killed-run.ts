import type { RunEvent, RunEventBody } from '../../src/journal/event.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { runsOf } from './run-list.ts';
import type { Ended, TestSandbox } from './sandbox.ts';

/** One event of a journal by what it says: `step-succeeded upload`, `run-started`. */
export function nameOf(event: RunEventBody): string {
  return 'step' in event ? `${event.type} ${event.step}` : event.type;
}

/** What an undisturbed run journals; progress aside. */
export async function eventNames(sandbox: TestSandbox, run: string): Promise<readonly string[]> {
  return (await eventsOf(sandbox, run)).map(({ event }) => nameOf(event));
}

async function eventsOf(sandbox: TestSandbox, run: string): Promise<readonly RunEvent[]> {
  const { events } = await readJournal(sandbox.platform.bucket, run);
  return events.filter(({ event }) => event.type !== 'step-progress');
}

export interface KilledRun {
  readonly run: string;
  readonly kills: number;
  /** Names of the events that were each the last one before a kill. */
  readonly lastWords: ReadonlySet<string>;
  /** The resume that was not killed, after the run's last event. */
  readonly last: Ended;
}

export interface KillChoice {
  readonly passedOver?: readonly string[];
  readonly lookAt?: { readonly event: string; look(run: string): Promise<void> };
}

/**
 * Begins a run with the command, kills it with SIGKILL after its first event, and resumes it again and again, each time killed after the first
 * event that was never the last before a kill, until every event of `wanted` (those of an undisturbed run) has been the last before a kill; after
 * those `passedOver` it is not killed. Throws when a process ended by itself, or when the run gets nowhere. `lookAt` is called while nobody carries
 * the run on, after the event of that name.
 */
export async function killAfterEveryEvent(
  sandbox: TestSandbox,
  command: readonly string[],
  wanted: readonly string[],
  { passedOver = [], lookAt }: KillChoice = {},
): Promise<KilledRun> {
  const lastWords = new Set<string>();
  const before = await runsOf(sandbox);
  await killed(sandbox, command, passedOver);
  const run = (await runsOf(sandbox)).find((each) => !before.includes(each));
  if (run === undefined) throw new TypeError(`cardea ${command.join(' ')} left no journal`);
  const resume = ['run', 'resume', run, '--env', 'local'];
  let kills = 1;
  for (;;) {
    const events = await eventsOf(sandbox, run);
    const last = events.at(-1)?.event;
    if (last !== undefined) lastWords.add(nameOf(last));
    if (last !== undefined && nameOf(last) === lookAt?.event) await lookAt.look(run);
    if (last?.type === 'run-succeeded') break;
    if (last?.type === 'run-failed' || kills > 3 * wanted.length) {
      throw new TypeError(`${run} got to ${JSON.stringify(last)} after ${kills} kills`);
    }
    await killed(sandbox, resume, [...lastWords, ...passedOver]);
    kills += 1;
  }
  return { run, kills, lastWords, last: await sandbox.cardea(...resume) };
}

/** `when`: killed after so many events, or after the first whose name is not among these. */
export async function killed(
  sandbox: TestSandbox,
  command: readonly string[],
  when: number | readonly string[],
): Promise<void> {
  const fault = typeof when === 'number' ? `kill-after-event:${when}` : `kill-after-news:${JSON.stringify(when)}`;
  const { signal, exitCode, stdout, stderr } = await sandbox.begin(command, {
    variables: { CARDEA_FAULT: fault },
  }).ended;
  if (signal === 'SIGKILL') return;
  throw new TypeError(
    `cardea ${command.join(' ')} was to die (${fault}) and ended with ${exitCode ?? signal}: ${stdout}${stderr}`,
  );
}
