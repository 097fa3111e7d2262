import { formatBytes } from '../model/bytes.ts';
import { transactionsOf } from '../sample/transaction.ts';
import { applicationRecord } from './application-record.ts';
import { killEverything, wipeDisk } from './disaster.ts';
import type { Drill } from './drill-document.ts';
import type { OpenBank, Scene } from './scene.ts';
import { type ShippingLag, shippingLag } from './shipping-lag.ts';
import type { Watch } from './watermark-watch.ts';

export interface Disaster {
  readonly record: Drill['disaster'];
  readonly application: Drill['application'];
  readonly lag: ShippingLag;
  /** Milliseconds since 1970 and monotonic seconds just before the first process was killed. */
  readonly killedAt: number;
  readonly monotonic: number;
}

/** Kills everything at once while the application writes, and empties every disk. Only the bucket is left. */
export async function causeDisaster(scene: Scene, { writer, log }: OpenBank, shipping: Watch): Promise<Disaster> {
  const { stage, platform, directory, phase, clock } = scene;
  const nodes = platform.nodes.map(({ name }) => name);
  stage.chapter('The disaster: every node and every agent is killed at once, every disk is emptied');
  return phase('disaster', async () => {
    // While no node answers, the driver's own reconnection attempts would pile up.
    await platform.database.close();
    const at = clock.now();
    const monotonic = clock.monotonic();
    const killed = killEverything(directory, nodes);
    await Promise.all([killed, shipping.stop(), writer.stop()]);
    const wiped = await Promise.all(nodes.map(async (node) => wipeDisk(directory, node)));
    const processes = await killed;
    const wipedBytes = wiped.reduce((sum, each) => sum + each, 0);
    const transactions = await transactionsOf(log.records());
    const application = applicationRecord(transactions);
    const lag = shippingLag(transactions, shipping.looks(), at.getTime());
    stage.say(
      `${processes} processes killed at ${at.toISOString().slice(11, 23)} UTC, ${formatBytes(wipedBytes)} wiped. Until then ${application.acknowledged.toLocaleString('en')} transactions had been acknowledged to the application.`,
    );
    stage.say(
      `Shipping lag, measured from outside over ${lag.transactions.toLocaleString('en')} of them: a transaction was in the bucket ${lag.p50.toFixed(2)} s after its acknowledgement at the median, ${lag.p99.toFixed(2)} s at the 99th percentile.`,
    );
    return {
      record: { at: at.toISOString(), nodes, processes, wipedBytes },
      application,
      lag,
      killedAt: at.getTime(),
      monotonic,
    };
  });
}
