import type { ObjectStore } from '../../ports/object-store.ts';

/**
 * A store that kills this process with SIGKILL right after its `count`-th journal event is durable, not counting
 * progress. It is part of the program because the program that users run must survive the kill, not a copy under test.
 * It does nothing unless the environment variable CARDEA_FAULT asks for it, and then only to an environment of the
 * sandbox.
 */
export function killAfterEvent(
  store: ObjectStore,
  count: number,
  kill: () => void = () => process.kill(process.pid, 'SIGKILL'),
): ObjectStore {
  let events = 0;
  return {
    description: store.description,
    async put(key, body, condition) {
      const info = await store.put(key, body, condition);
      if (isEvent(key) && !isProgress(body)) {
        events += 1;
        if (events === count) kill();
      }
      return info;
    },
    putStream: (key, body) => store.putStream(key, body),
    get: (key) => store.get(key),
    getStream: (key) => store.getStream(key),
    head: (key) => store.head(key),
    list: (prefix, options) => store.list(prefix, options),
    children: (prefix, options) => store.children(prefix, options),
    delete: (key) => store.delete(key),
    close: () => store.close(),
  };
}

/** The store as `CARDEA_FAULT=kill-after-event:N` wants it; unchanged without, and on any platform but the sandbox. */
export function withRequestedFault(
  store: ObjectStore,
  { fault, platform }: { readonly fault: string | undefined; readonly platform: string },
): ObjectStore {
  if (platform !== 'sandbox') return store;
  const count = /^kill-after-event:(\d+)$/.exec(fault ?? '')?.[1];
  return count === undefined ? store : killAfterEvent(store, Number(count));
}

function isEvent(key: string): boolean {
  return /^runs\/[^/]+\/\d{6,}\.json$/.test(key);
}

function isProgress(body: Uint8Array | string): boolean {
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const document = JSON.parse(text) as { readonly event?: { readonly type?: string } };
  return document.event?.type === 'step-progress';
}
