import { fingerprintGraph } from '../graph/fingerprint.ts';
import { formatBytes } from '../model/bytes.ts';
import { formatSeconds } from '../model/duration.ts';
import type { Fingerprint } from '../model/restore-point.ts';
import { accountsToDrop, runBadJob } from '../sample/bad-job.ts';
import { isDormant, type Bank } from '../sample/bank.ts';
import { transactionsOf } from '../sample/transaction.ts';
import type { BackedUp } from './backup-chapters.ts';
import { destroyNode, edgesAt } from './disaster.ts';
import type { Drill } from './drill-document.ts';
import { lostAfter } from './lost-transactions.ts';
import type { OpenBank, Scene } from './scene.ts';
import { untilAborted } from './until-aborted.ts';
import { countOf } from './vertex-count.ts';

export interface Struck {
  readonly record: Drill['disaster'];
  readonly lost: Drill['lost'];
  /** Keys of the dropped accounts, and how many a look-up still found. */
  readonly accounts: readonly string[];
  readonly afterDrop: number;
  readonly fingerprint: Fingerprint;
  /** Monotonic seconds at the kill. */
  readonly at: number;
}

const accountsStruck = 1000;

/** One node loses its disk, and a bad job drops a thousand accounts; the application writes on until somebody stops it. */
export async function strike(scene: Scene, { bank, writer, log }: OpenBank, backup: BackedUp): Promise<Struck> {
  const { stage, platform, directory, phase, clock, signal } = scene;
  stage.chapter('The disaster: a disk is gone, and a bad job drops a thousand accounts');
  const node = victimOf(platform.nodes.map((each) => each.name));
  const accounts = accountsToDrop(bank, Math.min(accountsStruck, droppable(bank)));
  const at = clock.now();
  const from = clock.monotonic();
  const wipe = async () => stage.during(`${node}: killed, its disk emptied`, async () => destroyNode(directory, node));
  const drop = async () =>
    stage.during('A bad job drops accounts, and every edge at them', async (progress) =>
      untilAborted(signal, runBadJob(platform.graph, bank, accounts.length, progress)),
    );
  return phase('disaster', async () => {
    // With two of three replicas left the database goes on answering, and the job goes on dropping; with fewer it must come first.
    const answersWithoutOne = scene.environment.janusgraph.replicationFactor >= 3;
    let wipedBytes = 0;
    if (answersWithoutOne) wipedBytes = await wipe();
    await drop();
    await writer.stop();
    const [fingerprint, afterDrop] = await stage.during('Looking at what is left', async () =>
      Promise.all([
        fingerprintGraph(platform.database, platform.keyspace, { signal }),
        countOf(platform.graph, accounts),
      ]),
    );
    if (!answersWithoutOne) wipedBytes = await wipe();
    const lost = lostAfter(await transactionsOf(log.records()), backup.cut);
    const edges = edgesAt(bank, accounts);
    stage.say(
      `${formatBytes(wipedBytes)} wiped. ${whole(accounts.length - afterDrop)} accounts gone, and ${whole(edges)} edges with them.`,
    );
    stage.say(
      `${whole(lost.transactions)} transactions were acknowledged in the ${formatSeconds(lost.seconds)} since the backup: a backup alone cannot bring them back.`,
    );
    const dropped = { label: 'account', vertices: accounts.length, edges };
    return {
      record: { at: at.toISOString(), node, wipedBytes, dropped },
      lost,
      accounts,
      afterDrop,
      fingerprint,
      at: from,
    };
  });
}

/** The last node: never the one that the drivers of a small demo found first. */
function victimOf(nodes: readonly string[]): string {
  return nodes.at(-1) ?? '';
}

function droppable(bank: Bank): number {
  const dormant = Array.from({ length: bank.branches }, (_, index) => index).filter(isDormant);
  return dormant.length * bank.branch(0).vertices.filter(({ label }) => label === 'account').length;
}

function whole(value: number): string {
  return value.toLocaleString('en');
}
