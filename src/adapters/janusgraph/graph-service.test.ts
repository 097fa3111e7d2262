import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { openGraphService } from './graph-service.ts';

test('a server that is not there is a retryable problem that names its address', async () => {
  const url = `ws://127.0.0.1:${await closedPort()}/gremlin`;
  const graph = openGraphService({ urls: [url] });
  await expect(graph.submit('1')).rejects.toMatchObject({
    kind: 'retryable',
    code: 'graph-unreachable',
    message: expect.stringContaining(url),
  });
  await graph.close();
});

/** A port of loopback where nothing listens: one that was just given back. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
