import { rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { pipeline } from 'node:stream';

/**
 * A process that passes connections on. The lab's network has no link to the host's, but a Unix socket is a file, and files know no network
 * namespace: one door listens on loopback of the host and opens the socket, another listens on the socket inside the lab and connects there.
 * Started as `node door.ts FROM TO [FROM TO …]`, each end a path or `host:port`. Imports nothing, to stay small.
 */
export interface Passage {
  readonly from: End;
  readonly to: End;
}

export type End = { readonly path: string } | { readonly host: string; readonly port: number };

export function passageArguments({ from, to }: Passage): readonly [string, string] {
  return [endText(from), endText(to)];
}

/** A path when it begins like one; else the port is what stands behind the last colon. */
export function parseEnd(text: string): End {
  if (text.startsWith('/')) return { path: text };
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

function endText(end: End): string {
  return 'path' in end ? end.path : `${end.host}:${end.port}`;
}

/** Serves until the process ends. */
function open({ from, to }: Passage): void {
  // What a killed door left of its socket is in the way.
  if ('path' in from) rmSync(from.path, { force: true });
  const server = createServer({ allowHalfOpen: true }, (incoming) => {
    const outgoing = createConnection({ ...to, allowHalfOpen: true });
    // Either side may be gone at any moment: then the other one goes too, and there is nothing to tell. But one that has merely ended may have
    // bytes left on their way to the other.
    const told = () => {};
    pipeline(incoming, outgoing, told);
    pipeline(outgoing, incoming, told);
  });
  server.listen(from);
}

if (import.meta.main) {
  const ends = process.argv.slice(2).map(parseEnd);
  for (let at = 0; at + 1 < ends.length; at += 2) {
    const [from, to] = ends.slice(at, at + 2);
    if (from !== undefined && to !== undefined) open({ from, to });
  }
}
