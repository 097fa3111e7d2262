import type { z } from 'zod';
import type { timelineId } from '../model/identifiers.ts';
import { type Micros, micros, microsOf } from '../model/instant.ts';
import { FailedProblem } from '../model/problem.ts';
import { readRecoveryFacts } from '../runbooks/recovery/recovery-facts.ts';
import { storedSchema } from '../runbooks/catalog/schema-catalog.ts';
import { type FoundTransactions, searchTransactions } from '../runbooks/recovery/transaction-search.ts';
import { computeWindow } from '../runbooks/recovery/window.ts';
import type { BadJob } from './bad-job-chapter.ts';
import { badTransactions, type BadTransactions } from './bad-transactions.ts';
import { demoName } from './demo-config.ts';
import type { Drill } from './drill-document.ts';
import type { Scene } from './scene.ts';

/** What the bucket alone shows after the disaster. */
export interface Aftermath {
  readonly window: Drill['window'];
  readonly timeline: z.infer<typeof timelineId>;
  /** Everything acknowledged up to here can be brought back. */
  readonly newest: string;
  readonly bad: BadTransactions;
  /** Transactions that were looked through. */
  readonly shown: number;
}

/** Microseconds by which a person may be wrong about the time when it happened. */
const memory = 30_000_000;

/** Finds, while every database is dead, the instants that can be restored and the transactions of the bad job. */
export async function inspectAftermath(scene: Scene, badJob: BadJob): Promise<Aftermath> {
  const { stage, services, phase, signal } = scene;
  stage.chapter('What is left: only the bucket, and what it shows');
  return phase('look', async () => {
    const facts = await readRecoveryFacts(services, signal);
    const report = computeWindow(facts);
    stage.window(facts, report);
    const { timeline, oldest, settled, newest, gaps } = report;
    if (newest === null) throw nothingThere('no instant');
    const around = microsOf(new Date((badJob.beganAt + badJob.endedAt) / 2));
    // A slow job is remembered as a long one.
    const within = Math.max(memory, (badJob.endedAt - badJob.beganAt) * 1000);
    const found = await findAround(scene, around, within);
    const bad = badTransactions(found.transactions);
    if (bad === undefined) throw nothingThere('no bad transaction');
    stage.say(
      `A person reports that accounts were lost at about ${new Date(around / 1000).toISOString().slice(11, 19)}:`,
    );
    stage.transactions(demoName, firstOf(found, bad), { around, within });
    stage.say(
      `${bad.slots.length} of ${found.count} transactions only removed accounts, from ${bad.first} to ${bad.last}. They are the bad job. The last instant before it is ${bad.before}.`,
    );
    return {
      window: { timeline, oldest, settled, newest, gaps: gaps.length },
      timeline,
      newest,
      bad,
      shown: found.count,
    };
  });
}

async function findAround({ platform, signal }: Scene, around: Micros, within: number): Promise<FoundTransactions> {
  const known = await storedSchema(platform.bucket, around);
  if (known === undefined) throw nothingThere('no schema');
  const search = { around, from: micros(around - within), to: micros(around + within), removing: false, limit: 0 };
  return searchTransactions(platform, known, search, { ids: 3, signal });
}

/** Enough to see good and bad side by side. */
function firstOf(found: FoundTransactions, bad: BadTransactions): FoundTransactions {
  const at = found.transactions.findIndex((each) => each.at === bad.first);
  return { ...found, transactions: found.transactions.slice(Math.max(0, at - 2), at + 3) };
}

function nothingThere(what: string): FailedProblem {
  return new FailedProblem({
    code: 'not-shipped',
    happened: `After the disaster the bucket shows ${what}.`,
    state: 'Every disk of the demo is empty.',
    next: 'Read the logs of the agents to find out why shipping failed.',
  });
}
