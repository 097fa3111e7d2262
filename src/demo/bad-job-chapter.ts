import { formatSeconds } from '../model/duration.ts';
import { accountsPerTransaction, accountsToDrop, runBadJob } from '../sample/bad-job.ts';
import { type Bank, isDormant } from '../sample/bank.ts';
import { collectCommitTimes } from '../sample/commit-times.ts';
import { waitFor } from '../host/wait-for.ts';
import type { OpenBank, Scene } from './scene.ts';
import { untilAborted } from './until-aborted.ts';
import { countOf } from './vertex-count.ts';

export interface BadJob {
  /** Keys of the accounts it dropped, and how many a look-up still found afterwards. */
  readonly accounts: readonly string[];
  readonly accountsAfterDrop: number;
  /** Edges that went with them. */
  readonly edges: number;
  /** Transactions it committed. */
  readonly transactions: number;
  /** Milliseconds since 1970: nothing of it was committed before the one or after the other. */
  readonly beganAt: number;
  readonly endedAt: number;
}

const accountsStruck = 1000;
/** Of the application, after the job: good work that must not be lost with the bad. */
const goodAfter = { transactions: 30, milliseconds: 2500 } as const;

/**
 * In the middle of good traffic a job deletes accounts in many transactions; the application does not know it and keeps
 * writing.
 */
export async function runBadJobUnderTraffic(scene: Scene, opened: OpenBank): Promise<BadJob> {
  const { stage, platform, phase, clock, signal } = scene;
  const { bank, writer } = opened;
  const accounts = accountsToDrop(bank, Math.min(accountsStruck, droppable(bank)));
  stage.chapter(`The mistake: a bad job deletes ${whole(accounts.length)} accounts, in the middle of good traffic`);
  return phase('bad job', async () => {
    const written = writer.counters().acknowledged;
    const beganAt = clock.now().getTime();
    await stage.during('A bad job deletes accounts with all their edges', async (progress) =>
      untilAborted(signal, runBadJob(platform.graph, bank, accounts.length, progress)),
    );
    const endedAt = clock.now().getTime();
    const meanwhile = writer.counters().acknowledged;
    const accountsAfterDrop = await countOf(platform.graph, accounts);
    const edges = edgesAt(bank, accounts);
    stage.say(
      `${whole(accounts.length - accountsAfterDrop)} accounts gone, and ${whole(edges)} edges with them, in ${formatSeconds((endedAt - beganAt) / 1000)}; meanwhile ${whole(meanwhile - written)} good transactions.`,
    );
    await noteCommitTimes(scene, opened);
    await stage.during('The application keeps writing after the bad job', async () =>
      waitFor(
        () =>
          clock.now().getTime() - endedAt >= goodAfter.milliseconds &&
          writer.counters().acknowledged - meanwhile >= goodAfter.transactions
            ? true
            : undefined,
        { withinMs: 60_000, signal },
      ),
    );
    return {
      accounts,
      accountsAfterDrop,
      edges,
      transactions: Math.ceil(accounts.length / accountsPerTransaction),
      beganAt,
      endedAt,
    };
  });
}

/** The oracle must know when each transaction was committed, and only the live database can say it. */
export async function noteCommitTimes({ platform }: Scene, { log }: OpenBank): Promise<void> {
  const { graph, database, keyspace } = platform;
  await collectCommitTimes({ graph, database, keyspace }, log);
}

/** Edges that go with accounts when these are dropped. Pure: no writer touches the branches that the bad job strikes. */
function edgesAt(bank: Bank, accounts: readonly string[]): number {
  const dropped = new Set(accounts);
  return Array.from({ length: bank.branches }, (_, index) => bank.branch(index).edges)
    .flat()
    .filter(({ from, to }) => dropped.has(from) || dropped.has(to)).length;
}

function droppable(bank: Bank): number {
  const dormant = Array.from({ length: bank.branches }, (_, index) => index).filter(isDormant);
  return dormant.length * bank.branch(0).vertices.filter(({ label }) => label === 'account').length;
}

function whole(value: number): string {
  return value.toLocaleString('en');
}
