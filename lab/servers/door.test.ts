import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../../src/host/wait-for.ts';
import { parseEnd, passageArguments } from './door.ts';

test('an end of a passage is a path or an address, and reads back as it was written', () => {
  const from = { path: '/run/lab/doors/api=1' };
  const to = { host: '10.244.0.1', port: 6443 };
  expect(passageArguments({ from, to }).map(parseEnd)).toEqual([from, to]);
});

const bytes = 'through two doors '.repeat(100_000);

/** Slower than the server by far: what is on its way waits in every buffer there is, also after the server has left. */
async function slowly(socket: Socket): Promise<string> {
  let back = '';
  for await (const chunk of socket.setEncoding('utf8')) {
    back += String(chunk);
    await setTimeout(5);
  }
  return back;
}

test.each([
  ['at once', text],
  ['slowly', slowly],
])(
  'two doors pass a connection through a Unix socket, both ways, to the end of each side, read %s',
  async (_, read) => {
    const folder = mkdtempSync(join(tmpdir(), 'cardea-door-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    onTestFinished(() => void echo.close());
    await once(echo, 'listening');
    const path = join(folder, 'api');
    const { port } = echo.address() as AddressInfo;
    // Listening on a path in between stands for the socket file that both namespaces see.
    const inner = { from: { path }, to: { host: '127.0.0.1', port } };
    const outer = { from: { path: `${path}-outside` }, to: { path } };
    for (const passage of [inner, outer]) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'door.ts'), ...passageArguments(passage)]);
      onTestFinished(() => void child.kill());
    }
    const said = await waitFor(async () => echoed(outer.from.path, read), { withinMs: 15_000, everyMs: 50 });
    // Lengths first: a difference of two long texts is no message for a person.
    expect(said?.length).toBe(bytes.length);
    expect(said === bytes).toBe(true);
  },
);

/** What comes back through both doors from a server that repeats everything, to a client that reads as it says; undefined when nothing came. */
async function echoed(path: string, read: (socket: Socket) => Promise<string>): Promise<string | undefined> {
  const socket = connect({ path });
  const connected = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false);
  if (!connected) return undefined;
  socket.end(bytes);
  const back = await read(socket).catch(() => '');
  // The outer door may be up before the inner one.
  return back === '' ? undefined : back;
}
