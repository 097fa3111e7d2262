import type { RunEvent, RunEventBody } from '../../src/journal/event.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import type { Runbook } from '../../src/runbook/define.ts';
import { findRunbook } from '../../src/runbooks/index.ts';
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

/**
 * Begins a run with the command, kills it with SIGKILL after its first event, and resumes it again and again, each time killed one event
 * further, until every event of `wanted` (those of an undisturbed run) has been the last before a kill. Throws when a process ended
 * by itself, or when the run gets nowhere. `lookAt` is called while nobody carries the run on, after the event of that name.
 */
export async function killAfterEveryEvent(
  sandbox: TestSandbox,
  command: readonly string[],
  wanted: readonly string[],
  lookAt?: { readonly event: string; look(run: string): Promise<void> },
): Promise<KilledRun> {
  const lastWords = new Set<string>();
  const before = await runsOf(sandbox);
  await killed(sandbox, command, 1);
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
    await killed(sandbox, resume, eventsUntilNews(stepsOf(events), events, wanted, lastWords));
    kills += 1;
  }
  return { run, kills, lastWords, last: await sandbox.cardea(...resume) };
}

export async function killed(sandbox: TestSandbox, command: readonly string[], count: number): Promise<void> {
  const { signal, exitCode, stdout, stderr } = await sandbox.begin(command, {
    variables: { CARDEA_FAULT: `kill-after-event:${count}` },
  }).ended;
  if (signal === 'SIGKILL') return;
  throw new TypeError(
    `cardea ${command.join(' ')} was to die after event ${count} and ended with ${exitCode ?? signal}: ${stdout}${stderr}`,
  );
}

function stepsOf(events: readonly RunEvent[]): Runbook['steps'] {
  const first = events[0]?.event;
  const runbook = first?.type === 'run-started' ? findRunbook(first.runbook, first.runbookVersion) : undefined;
  return (runbook as Runbook | undefined)?.steps ?? [];
}

/**
 * How many events a resume writes up to the first that was never the last before a kill. It begins with `run-resumed`; steps to skip are
 * skipped, every step that can start starts in the runbook's order, and what comes then is news by itself: some step's end.
 */
function eventsUntilNews(
  steps: Runbook['steps'],
  events: readonly RunEvent[],
  wanted: readonly string[],
  known: ReadonlySet<string>,
): number {
  const names = new Set(events.map(({ event }) => nameOf(event)));
  const passed = new Set(
    steps.filter(({ id }) => names.has(`step-succeeded ${id}`) || names.has(`step-skipped ${id}`)).map(({ id }) => id),
  );
  const main = steps.filter((step) => step.always === undefined);
  const isMainDone = main.every(({ id }) => passed.has(id));
  const skips = (id: string) => wanted.includes(`step-skipped ${id}`);
  const coming = ['run-resumed'];
  for (;;) {
    const able = (isMainDone ? steps : main).filter(
      (step) =>
        !passed.has(step.id) &&
        !coming.includes(`step-started ${step.id}`) &&
        step.needs.every((need: string) => passed.has(need)),
    );
    const skipped = able.filter(({ id }) => skips(id));
    coming.push(...skipped.map(({ id }) => `step-skipped ${id}`));
    coming.push(...able.filter(({ id }) => !skips(id)).map(({ id }) => `step-started ${id}`));
    for (const { id } of skipped) passed.add(id);
    if (skipped.length === 0) break;
  }
  const news = coming.findIndex((name) => !known.has(name));
  return (news < 0 ? coming.length : news) + 1;
}
