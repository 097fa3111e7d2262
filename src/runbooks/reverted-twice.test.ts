import { expect, test } from 'vitest';
import { type Drawn, playHistory } from '../../test/support/recovery-history.ts';

test('a revert begun anew after one that failed when the graph served again keeps what was written since, and can be reverted in turn', async () => {
  const failed: string[] = [];
  // Somewhere in there the store is away just when the first revert is to record its end.
  for (let at = 400; at < 1200; at += 50) {
    const drawn: Drawn = {
      faults: [],
      store: { sick: { at, calls: 3 } },
      busy: 40,
      person: [
        { deed: 'restore', which: 0 },
        { deed: 'told', which: 0, base: true },
        { deed: 'revert', which: 1 },
      ],
      back: true,
    };
    const tell = (line: string) => {
      if (/^revert .*failed store-unreachable/.test(line)) failed.push(`${at}`);
    };
    expect(await playHistory(drawn, { tell }), `the store is away from its call ${at} on`).toEqual([]);
  }
  expect(failed.length).toBeGreaterThan(0);
});
