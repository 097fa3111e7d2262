import type { ObjectStore } from '../../ports/object-store.ts';

/**
 * A store that kills this process with SIGKILL right after a journal event is durable: the `count`-th, or the first whose
 * name is not among the `known` (`step-started upload`, `run-resumed`); progress is never one. It is part of the program because the program that users run must survive the kill, not a copy under test.
 * It does nothing unless the environment variable CARDEA_FAULT asks for it, and then only to an environment of the
 * sandbox.
 */
export function killAfterEvent(
  store: ObjectStore,
  when: { readonly count: number } | { readonly known: ReadonlySet<string> },
  kill: () => void = () => process.kill(process.pid, 'SIGKILL'),
): ObjectStore {
  let events = 0;
  return {
    description: store.description,
    async put(key, body, condition) {
      const info = await store.put(key, body, condition);
      const name = isEvent(key) ? nameOf(body) : undefined;
      if (name !== undefined && !name.startsWith('step-progress')) {
        events += 1;
        if ('count' in when ? events === when.count : !when.known.has(name)) kill();
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

/**
 * The store as `CARDEA_FAULT=kill-after-event:N` or `kill-after-news:[names]` (JSON) wants it; unchanged without, and on
 * any platform but the sandbox.
 */
export function withRequestedFault(
  store: ObjectStore,
  { fault, platform }: { readonly fault: string | undefined; readonly platform: string },
): ObjectStore {
  if (platform !== 'sandbox') return store;
  const [, kind, value = ''] = /^kill-after-(event|news):(.+)$/s.exec(fault ?? '') ?? [];
  if (kind === 'event') return killAfterEvent(store, { count: Number(value) });
  return kind === 'news' ? killAfterEvent(store, { known: new Set(JSON.parse(value) as string[]) }) : store;
}

function isEvent(key: string): boolean {
  return /^runs\/[^/]+\/\d{6,}\.json$/.test(key);
}

/** `step-succeeded upload`, `run-started` */
function nameOf(body: Uint8Array | string): string {
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const { event } = JSON.parse(text) as { readonly event?: { readonly type?: string; readonly step?: string } };
  return event?.step === undefined ? (event?.type ?? '') : `${event.type} ${event.step}`;
}
