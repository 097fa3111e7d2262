import { performance } from 'node:perf_hooks';
import { DirectoryStore } from '../src/adapters/directory/directory-store.ts';
import { configSchema } from '../src/model/config.ts';
import { instantOf, micros } from '../src/model/instant.ts';
import type { ObjectStore } from '../src/ports/object-store.ts';
import { chooseBase } from '../src/runbooks/recovery/choose-base.ts';
import { planLogs } from '../src/runbooks/recovery/plan-logs.ts';
import { readNewestFacts, readRecoveryFacts, withPieces } from '../src/runbooks/recovery/recovery-facts.ts';
import { computeWindow } from '../src/runbooks/recovery/window.ts';
import type { RunbookServices } from '../src/runbooks/services.ts';

/** `node bench/month-reader.ts FOLDER END window|plan|status`: one question to a bucket, in a process of its own so that its memory is its own. */
const [folder = '', end = '', question = ''] = process.argv.slice(2);
let requests = 0;
const store = counted(new DirectoryStore(folder));
const { environments } = configSchema.parse({
  name: 'month',
  environments: { prod: { platform: { kind: 'sandbox' } } },
});
const services = {
  platform: { bucket: store, environment: 'prod' },
  config: Object.values(environments)[0],
  clock: { now: () => new Date(Number(end) / 1000), monotonic: () => performance.now() / 1000, sleep: async () => {} },
} as unknown as RunbookServices;

const began = performance.now();
const answer = await ask();
const seconds = (performance.now() - began) / 1000;
const mebibytes = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ seconds, mebibytes, requests, answer })}\n`);

async function ask(): Promise<unknown> {
  if (question === 'status') {
    const facts = await readNewestFacts(services);
    return facts === undefined ? null : computeWindow(facts).newest;
  }
  const facts = await readRecoveryFacts(services);
  const window = computeWindow(facts);
  if (question === 'window') return { oldest: window.oldest, newest: window.newest, gaps: window.gaps.length };
  const choice = chooseBase(facts, { instant: micros(instantOf(window.newest ?? '')), timeline: window.timeline });
  const plan = planLogs(await withPieces(facts, choice.point), choice, { idsKnown: true });
  return plan.strands.flatMap((strand) => strand.streams).reduce((sum, { objects }) => sum + objects.length, 0);
}

/** A listing of an S3 server has a thousand objects to a request. */
function counted(inner: ObjectStore): ObjectStore {
  const paged = async function* <T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    let count = 0;
    for await (const item of items) {
      if (count % 1000 === 0) requests += 1;
      count += 1;
      yield item;
    }
    if (count === 0) requests += 1;
  };
  return new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const result: unknown = Reflect.apply(value, target, args);
        if (name === 'list' || name === 'children') return paged(result as AsyncIterable<unknown>);
        requests += 1;
        return result;
      };
    },
  });
}
