import { join } from 'node:path';
import { bankOf, demoScale } from '../sample/bank.ts';
import { loadBank } from '../sample/loader.ts';
import { createSchema } from '../sample/schema.ts';
import { openTransactionLog } from '../sample/transaction-log.ts';
import { startWriter } from '../sample/writer.ts';
import { waitFor } from '../host/wait-for.ts';
import { untilAborted } from './until-aborted.ts';
import type { OpenBank, Scene } from './scene.ts';

/** The application writes slowly, because two cores are shared with up to eight JVMs. */
const writesPerSecond = 12;
/** Transactions before the backup, so that it backs up a graph that was in use. */
const firstTransactions = 24;

/** Loads the sample bank and lets its application write. */
export async function openBank(scene: Scene): Promise<OpenBank> {
  const { stage, platform, options, phase, clock, signal } = scene;
  const { customersPerBranch } = demoScale;
  const perBranch = bankOf({ branches: 1, customersPerBranch }).counts.vertices;
  // One branch more than asked for: the writer also removes elements, and the graph must not become smaller than the
  // given size.
  const bank = bankOf({
    seed: String(options.seed),
    branches: Math.ceil(options.vertices / perBranch) + 1,
    customersPerBranch,
  });
  stage.chapter(
    `The bank: ${whole(bank.counts.vertices)} vertices, ${whole(bank.counts.edges)} edges, and an application`,
  );
  await phase('load', async () => {
    await stage.during('Schema: labels, properties, unique, composite and mixed indexes', async () =>
      createSchema(platform.graph, platform.indexBackend),
    );
    await stage.during('Loading customers, accounts, transfers, devices and addresses', async (progress) =>
      untilAborted(signal, loadBank(platform.graph, bank, { progress })),
    );
  });
  const log = openTransactionLog(join(scene.directory, 'logs', 'writer.jsonl'));
  const writer = await startWriter({ bank, graph: platform.graph, log, clock, perSecond: writesPerSecond });
  await phase('write', () =>
    stage.during(
      `The application writes: additions, changes, removals, ${writesPerSecond} transactions per second`,
      async () =>
        waitFor(() => (writer.counters().acknowledged >= firstTransactions ? true : undefined), {
          withinMs: 60_000,
          signal,
        }),
    ),
  );
  return { bank, writer, log };
}

function whole(value: number): string {
  return value.toLocaleString('en');
}
