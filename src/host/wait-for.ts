import { setTimeout } from 'node:timers/promises';

/** Asks until there is an answer; undefined when there was none within `withinMs`. Rejects with the signal's reason when aborted. */
export async function waitFor<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  options: { readonly withinMs: number; readonly everyMs?: number; readonly signal?: AbortSignal | undefined },
): Promise<T | undefined> {
  const end = performance.now() + options.withinMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() >= end) return undefined;
    await setTimeout(options.everyMs ?? 50, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}
