import { expect, test } from 'vitest';
import { hosts, second, ShippedBucket } from '../../../../test/support/shipped-bucket.ts';
import { decideTarget } from './target.ts';
import type { CliContext } from '../../context.ts';
import type { EnvironmentConfig } from '../../../model/config.ts';
import type { Platform } from '../../../ports/platform.ts';

test.each(['settled', 'newest'])(
  'the %s instant on a machine whose clock is an hour behind is that of the log, or a word says that an hour is left out',
  async (to) => {
    const bucket = new ShippedBucket();
    await bucket.timeline('t0001');
    await bucket.schema('t0001', 0, ['edgestore']);
    for (const host of hosts) {
      await bucket.begin('t0001', host, 0);
      await bucket.ship('t0001', host, { segment: 7, covered: 4000 });
      await bucket.watermark('t0001', host, 4000);
    }
    await bucket.point(10, 12, { nodeCount: 3 });
    const config = {
      backup: { log: { settleMargin: '10s' }, retention: { keep: '30d', atLeast: 1 } },
    } as unknown as EnvironmentConfig;
    const context = {
      clock: { now: () => new Date(second(400) / 1000), monotonic: () => 0, sleep: async () => {} },
      signal: new AbortController().signal,
      environment: async () => ({ name: 'local', config }),
      platform: async () => ({ bucket: bucket.store, environment: 'local' }) as unknown as Platform,
    } as unknown as CliContext;
    const decided = await decideTarget(context, 'local', { to });
    const instant = decided.instant?.choice.instant ?? 0;
    const told = decided.warnings.filter((line) => /clock/i.test(line));
    // In place the newest is looked for again when nothing more is written; a copy and a settled instant are not.
    const looked = decided.instant?.toEnd === true;
    expect(
      looked || instant >= second(3990) || told.length > 0,
      JSON.stringify([instant - second(0), decided.warnings]),
    ).toBe(true);
  },
);
