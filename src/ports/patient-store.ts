import type { Clock } from './clock.ts';
import type { ObjectStore } from './object-store.ts';
import { objectPatience, patiently, type Patience } from './patience.ts';

/**
 * The same bucket for long work on many objects: each call is made again while the bucket cannot be reached, so that
 * one object costs time and not the work. A listing goes on where it broke off. A stream is begun again until its first
 * piece is there; what breaks off later only its reader can begin anew. Not made again: what writes a stream, and puts
 * on a condition, for a lost answer would make them look lost.
 */
export function patientStore(
  store: ObjectStore,
  clock: Clock,
  signal?: AbortSignal,
  patience: Patience = objectPatience,
): ObjectStore {
  const bounded = signal === undefined ? patience : { ...patience, signal };
  const again = <T>(work: () => Promise<T>): Promise<T> => patiently(clock, bounded, work);

  async function* resumed<T>(
    begin: (after: string | undefined) => AsyncIterable<T>,
    keyOf: (item: T) => string,
    after: string | undefined,
  ): AsyncIterable<T> {
    let last = after;
    let items: AsyncIterator<T> | undefined;
    try {
      for (;;) {
        const next = await again(async () => {
          items ??= begin(last)[Symbol.asyncIterator]();
          try {
            return await items.next();
          } catch (thrown) {
            items = undefined;
            throw thrown;
          }
        });
        if (next.done === true) return;
        last = keyOf(next.value);
        yield next.value;
      }
    } finally {
      await items?.return?.();
    }
  }
  const options = (after: string | undefined) => (after === undefined ? {} : { after });

  return {
    description: store.description,
    put: (key, body, condition) =>
      condition === undefined ? again(() => store.put(key, body)) : store.put(key, body, condition),
    putStream: (key, body) => store.putStream(key, body),
    get: (key) => again(() => store.get(key)),
    getStream: async (key) =>
      again(async () => {
        const pieces = (await store.getStream(key))[Symbol.asyncIterator]();
        return from(await pieces.next(), pieces);
      }),
    head: (key) => again(() => store.head(key)),
    list: (prefix, { after } = {}) =>
      resumed(
        (last) => store.list(prefix, options(last)),
        ({ key }) => key,
        after,
      ),
    children: (prefix, { after } = {}) =>
      resumed(
        (last) => store.children(prefix, options(last)),
        (child) => child,
        after,
      ),
    delete: (key) => again(() => store.delete(key)),
    close: () => store.close(),
  };
}

/** What is left of a stream whose first piece was read. */
async function* from<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncIterable<T> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
