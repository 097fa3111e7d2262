import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { z } from 'zod';
import { type Drawn, history, playHistory } from '../test/support/recovery-history.ts';

/**
 * `node bench/recovery-histories.ts [FROM] [COUNT] [FILE] [--shrink]`: plays the simulated histories of the seeds FROM to FROM + COUNT - 1 and
 * prints each that ends wrongly. A history is the same for a seed always. With FILE each hundred is noted there, and a call with the same FROM
 * goes on after the last of them. `--shrink` looks for the smallest history that ends wrongly. Exit code 1 when one ended wrongly.
 */
const shrinks = process.argv.includes('--shrink');
const [fromText = '0', countText = '10000', file] = process.argv.slice(2).filter((each) => each !== '--shrink');
const [from, count] = [Number(fromText), Number(countText)];
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || count < 1) {
  process.stderr.write(
    'Usage: node bench/recovery-histories.ts [FROM] [COUNT] [FILE] [--shrink]; FROM and COUNT are whole numbers.\n',
  );
  process.exit(2);
}
// Stacks of the many errors that are wanted here would take a tenth of the time.
Error.stackTraceLimit = 0;

const noted = z.object({ from: z.number(), next: z.number(), wrong: z.number(), seconds: z.number() });
let { next, wrong, seconds } = { next: from, wrong: 0, seconds: 0 };
for (const line of file !== undefined && existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []) {
  const found = line === '' ? undefined : noted.parse(JSON.parse(line));
  if (found?.from === from && found.next > next) ({ next, wrong, seconds } = found);
}

/** Of this process alone: other work on the machine does not count. */
const busySeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
let since = busySeconds();
while (next < from + count) {
  const [drawn] = fc.sample(history, { seed: next, numRuns: 1 });
  if (drawn !== undefined) await play(next, drawn);
  next += 1;
  if (next % 100 !== 0 && next < from + count) continue;
  seconds += busySeconds() - since;
  since = busySeconds();
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ from, next, wrong, seconds })}\n`);
}
process.stdout.write(
  `${count} histories from seed ${from}: ${wrong} ended wrongly; ${(count / seconds).toFixed(0)} a second of one core, ${seconds.toFixed(0)} s in all.\n`,
);
process.exit(wrong === 0 ? 0 : 1);

async function play(seed: number, drawn: Drawn): Promise<void> {
  const faults = await playHistory(drawn);
  if (faults.length === 0) return;
  wrong += 1;
  process.stdout.write(`seed ${seed}: ${faults.join('; ')}\n  ${JSON.stringify(drawn)}\n`);
  if (!shrinks) return;
  const property = fc.asyncProperty(history, async (each) => (await playHistory(each)).length === 0);
  const { counterexample } = await fc.check(property, { seed, numRuns: 1, interruptAfterTimeLimit: 60_000 });
  if (counterexample !== null) {
    process.stdout.write(`  smallest: ${JSON.stringify(counterexample[0])}\n`);
    process.stdout.write(`  which ends so: ${(await playHistory(counterexample[0])).join('; ')}\n`);
  }
}
