import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { createSchema } from '../src/sample/schema.ts';
import { waitFor } from '../src/host/wait-for.ts';
import type { Platform } from '../src/ports/platform.ts';
import { openLoad } from './log-load.ts';
import { withOneNode } from './one-node.ts';
import { comparedSeries, interleave } from './rounds.ts';
import type { BenchOptions, BenchRow } from './row.ts';

const restored = z.object({ run: z.string(), seconds: z.number(), outageSeconds: z.number() });
const checkout = join(import.meta.dirname, '..');

/** What the log keeps of one row of the load, bytes. */
const bytesLogged = 340;

/**
 * A restore to an instant at the end of a long log, as a person types it: files and log brought beside the data while the graph serves, and, as every
 * restore did before, after the stop. `mebibytes` of log are written first, by a client that keeps the node busy.
 */
export async function benchOutage({ mebibytes, rounds }: BenchOptions): Promise<BenchRow[]> {
  return withOneNode(async ({ home, platform, agent }) => {
    const cardea = async (...args: string[]): Promise<unknown> => {
      const { stdout } = await execa(join(checkout, 'cardea'), [...args, '--json'], {
        cwd: checkout,
        env: { CARDEA_HOME: home },
      });
      return JSON.parse(stdout);
    };
    await createSchema(platform.graph, platform.indexBackend);
    const load = await openLoad(agent.cassandra.cqlAddress, agent.cassandra.cqlPort);
    await cardea('backup', 'local');
    let writes = 0;
    let last = 0;
    while (writes * bytesLogged < mebibytes * 1024 ** 2) {
      const figures = await load.run({ seconds: 10, lanes: 64 });
      writes += figures.writes;
      last = Math.max(last, ...figures.acknowledged);
    }
    await load.close();
    const instant = new Date(Math.floor(last)).toISOString();
    await shippedUpTo(platform, instant);
    const restore = async (...flags: string[]) => {
      const target = ['--to', instant, '--timeline', 't0001', '--without-base', '--confirm', 'local'];
      const { run, ...took } = restored.parse(await cardea('restore', 'local', ...target, ...flags));
      await cardea('restore', 'accept', run, '--confirm', 'local');
      return took;
    };
    const series = await interleave(
      rounds,
      ['outage', 'whole', 'oldOutage', 'oldWhole'],
      [
        async () => {
          const { seconds, outageSeconds } = await restore();
          return { outage: outageSeconds, whole: seconds };
        },
        async () => {
          const { seconds, outageSeconds } = await restore('--without-staging');
          return { oldOutage: outageSeconds, oldWhole: seconds };
        },
      ],
    );
    const size = `${Math.round((writes * bytesLogged) / 1024 ** 2).toLocaleString('en')} MiB`;
    return [
      comparedSeries(
        {
          name: `outage of a restore with ${size} of log`,
          note: '`--without-staging`: everything after the stop, as before',
        },
        series.outage,
        series.oldOutage,
      ),
      comparedSeries({ name: 'the whole restore (RTO)', note: 'the same' }, series.whole, series.oldWhole),
      comparedSeries(
        { name: 'of the whole, the graph did not serve', note: 'share of the whole' },
        series.outage,
        series.whole,
      ),
    ];
  });
}

async function shippedUpTo({ nodes, agent }: Pick<Platform, 'nodes' | 'agent'>, instant: string): Promise<void> {
  const done = async () => {
    const health = await Promise.all(nodes.map(async ({ name }) => agent(name).health()));
    return health.every(({ shipping }) => (shipping?.newest ?? '') >= instant) ? true : undefined;
  };
  if ((await waitFor(done, { withinMs: 300_000 })) === undefined)
    throw new TypeError('the log was not shipped in time');
}
