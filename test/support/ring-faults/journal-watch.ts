import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isFinal, runEventDocument } from '../../../src/journal/event.ts';
import { eventKey } from '../../../src/journal/event-file.ts';
import { waitFor } from '../../../src/host/wait-for.ts';
import { nameOf } from '../killed-run.ts';

/** Long enough for any run; what takes longer hangs. */
const withinMs = 900_000;

/**
 * The name of the `count`-th event of a run, progress aside, once it is in the bucket's folder; undefined when the run or its process ended without.
 */
export async function untilEvent(
  bucket: string,
  { run, ended, count }: { readonly run: string; readonly ended: () => boolean; readonly count: number },
): Promise<string | undefined> {
  let next = 1;
  let seen = 0;
  const found = await waitFor(
    () => {
      const last = ended();
      for (let file = join(bucket, eventKey(run, next)); existsSync(file); file = join(bucket, eventKey(run, next))) {
        const { event } = runEventDocument.read(readFileSync(file, 'utf8'), file);
        next += 1;
        if (isFinal(event)) return 'none';
        if (event.type === 'step-progress') continue;
        seen += 1;
        if (seen === count) return { name: nameOf(event) };
      }
      return last ? 'none' : undefined;
    },
    { withinMs, everyMs: 20 },
  );
  return typeof found === 'object' ? found.name : undefined;
}
