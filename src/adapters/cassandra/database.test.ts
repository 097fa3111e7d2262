import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { answersCql } from './cql-probe.ts';
import { openDatabase } from './database.ts';

test('no node answering is a retryable problem that names the addresses', async () => {
  const address = `127.0.0.1:${await closedPort()}`;
  const database = openDatabase({ contactPoints: [address], localDatacenter: 'dc1' });
  await expect(database.ring()).rejects.toMatchObject({
    kind: 'retryable',
    code: 'database-unreachable',
    message: expect.stringContaining(address),
  });
  await expect(database.ringSeenBy('127.0.0.1')).resolves.toBeUndefined();
  await database.close();
});

test('a port that accepts and stays silent is not a node that answers', async () => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await expect(answersCql('127.0.0.1', port, 100)).resolves.toBe(false);
  server.close();
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
