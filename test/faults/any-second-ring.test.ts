import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatInstant } from '../../src/model/instant.ts';
import { bankOf } from '../../src/sample/bank.ts';
import { committedBy } from '../../src/sample/oracle.ts';
import { chooseInstants, commitsOf } from '../support/any-second/instants.ts';
import { type RingUnderLoad, ringUnderLoad } from '../support/any-second/ring-under-load.ts';

/**
 * A ring of three under load, one node of which missed a part and was brought up to date by read repair and by hints, goes back to instants by
 * the whole path of the command line. Each time every replica is asked alone, and then all at QUORUM; each answer is compared with the writer's log.
 */
const bank = bankOf({ seed: 'any-second-ring', branches: 5, customersPerBranch: 20 });

let ring: RingUnderLoad | undefined;

beforeAll(async () => {
  ring = await ringUnderLoad(bank, { before: 60, after: 160, missed: 40 });
});

afterAll(async () => {
  await ring?.sandbox.down();
});

test('H: at two instants of any kind and one within a mutation that read repair had merged, each replica alone and all at QUORUM hold what was committed by then', async () => {
  if (ring === undefined) throw new TypeError('there is no ring');
  const { history, merged } = ring;
  const { transactions } = history;
  const [inside] = merged[Math.floor(merged.length / 2)]?.slots ?? [];
  if (inside === undefined) throw new TypeError('read repair merged nothing');
  const anywhere = chooseInstants('ring', 2, { ...history, commits: commitsOf(transactions) });
  for (const instant of [...anywhere, inside].sort((a, b) => b - a)) {
    await ring.restore('restore', 'local', '--to', formatInstant(instant), '--timeline', 't0001', '--without-base');
    const chosen = committedBy(BigInt(instant));
    expect(transactions.filter(chosen).length).toBeGreaterThan(0);
    await ring.expectHolds(transactions, chosen);
  }
});
