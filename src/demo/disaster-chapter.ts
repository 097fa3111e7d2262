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

/** Everything dies at once, while the application writes, and every disk is emptied. Only the bucket is left. */
export async function causeDisaster(scene: Scene, { writer, log }: OpenBank, shipping: Watch): Promise<Disaster> {
  const { stage, platform, directory, phase, clock } = scene;
  const nodes = platform.nodes.map(({ name }) => name);
  stage.chapter('The disaster: every node and every agent killed at once, every disk emptied');
  return phase('disaster', async () => {
    // With every node away the driver's own attempts to come back would pile up.
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
      `${processes} processes killed at ${at.toISOString().slice(11, 23)} UTC, ${formatBytes(wipedBytes)} wiped. The application had been told of ${application.acknowledged.toLocaleString('en')} transactions that they are safe.`,
    );
    stage.say(
      `Shipping, measured from outside over ${lag.transactions.toLocaleString('en')} of them: in the bucket ${lag.p50.toFixed(2)} s after the acknowledgement at the median, ${lag.p99.toFixed(2)} s at the 99th percentile.`,
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
