import { performance } from 'node:perf_hooks';
import * as fc from 'fast-check';
import { history, playHistory } from '../test/support/recovery-history.ts';

/**
 * `node bench/recovery-histories.ts [FROM] [COUNT]`: plays the simulated histories of the seeds FROM to FROM + COUNT - 1 and prints each that ends
 * wrongly, so that a long search can be cut into ranges. A history is the same for a seed always. Exit code 1 when one ended wrongly.
 */
const [from = 0, count = 10_000] = process.argv.slice(2).map(Number);
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || count < 1) {
  process.stderr.write('Usage: node bench/recovery-histories.ts [FROM] [COUNT]; two whole numbers.\n');
  process.exit(2);
}
const started = performance.now();
let wrong = 0;
for (let seed = from; seed < from + count; seed += 1) {
  const [drawn] = fc.sample(history, { seed, numRuns: 1 });
  if (drawn === undefined) continue;
  const faults = await playHistory(drawn);
  if (faults.length === 0) continue;
  wrong += 1;
  process.stdout.write(`seed ${seed}: ${faults.join('; ')}\n  ${JSON.stringify(drawn)}\n`);
}
const seconds = (performance.now() - started) / 1000;
process.stdout.write(
  `${count} histories from seed ${from}: ${wrong} ended wrongly; ${(count / seconds).toFixed(0)} a second, ${seconds.toFixed(0)} s in all.\n`,
);
process.exitCode = wrong === 0 ? 0 : 1;
