import type { ObjectStore } from '../../src/ports/object-store.ts';

/**
 * The store as a process sees it that is killed around its `puts`-th put: right after it was stored, or right before when `before` is set.
 * From then on no call is carried out and none returns.
 */
export function dyingStore(
  store: ObjectStore,
  puts: number,
  before: boolean,
): { readonly store: ObjectStore; readonly death: Promise<'dead'> } {
  const death = Promise.withResolvers<'dead'>();
  let dead = false;
  let count = 0;
  const never = <T>() => new Promise<T>(() => undefined);
  const die = <T>() => {
    dead = true;
    death.resolve('dead');
    return never<T>();
  };
  const unlessDead = async <T>(call: () => Promise<T>): Promise<T> => {
    if (dead) return never<T>();
    const result = await call();
    return dead ? never<T>() : result;
  };
  return {
    death: death.promise,
    store: {
      description: store.description,
      put: (key, body, condition) =>
        unlessDead(async () => {
          count += 1;
          const last = count === puts;
          if (last && before) return die();
          const info = await store.put(key, body, condition);
          return last ? die() : info;
        }),
      putStream: (key, body) => unlessDead(() => store.putStream(key, body)),
      get: (key) => unlessDead(() => store.get(key)),
      getStream: (key) => unlessDead(() => store.getStream(key)),
      head: (key) => unlessDead(() => store.head(key)),
      async *list(prefix, options) {
        if (dead) await never();
        yield* store.list(prefix, options);
      },
      async *children(prefix, options) {
        if (dead) await never();
        yield* store.children(prefix, options);
      },
      delete: (key) => unlessDead(() => store.delete(key)),
      close: async () => undefined,
    },
  };
}
