import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../../src/platforms/sandbox/condition.ts';
import { parseEnd, passageArguments } from './door.ts';

test('an end of a passage is a path or an address, and reads back as it was written', () => {
  const from = { path: '/run/lab/doors/api=1' };
  const to = { host: '10.244.0.1', port: 6443 };
  expect(passageArguments({ from, to }).map(parseEnd)).toEqual([from, to]);
});

test('two doors pass a connection through a Unix socket, both ways, to the end of each side', async () => {
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
  const bytes = 'through two doors '.repeat(100_000);
  const said = await waitFor(
    async () => {
      const socket = connect({ path: outer.from.path });
      const connected = await Promise.race([
        once(socket, 'connect').then(() => true),
        once(socket, 'error').then(() => false),
      ]).catch(() => false);
      if (!connected) return undefined;
      socket.end(bytes);
      const back = await text(socket).catch(() => '');
      // The outer door may be up before the inner one.
      return back === '' ? undefined : back;
    },
    { withinMs: 15_000, everyMs: 50 },
  );
  expect(said).toBe(bytes);
});
