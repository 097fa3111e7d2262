import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { connectionsOf, parseTcpTable } from './tcp-connections.ts';

const header = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

test('a connection is read with its addresses, plain and inside IPv6; what listens or is over is left out', () => {
  const rest = '00000000:00000000 00:00000000 00000000     0        0';
  const v4 = `   0: 0100007F:C350 0107407F:2352 01 ${rest} 4711 1 0000\n   1: 0107407F:2352 00000000:0000 0A ${rest} 4712 1 0000\n   2: 0100007F:C351 0107407F:2352 06 ${rest} 0 3 0000\n`;
  const mapped = `   0: 0000000000000000FFFF00000100007F:C352 0000000000000000FFFF00000207407F:1B58 01 ${rest} 4713 1 0000\n`;
  expect(parseTcpTable(header + v4)).toEqual([
    { local: '127.0.0.1:50000', remote: '127.64.7.1:9042', remoteAddress: '127.64.7.1', inode: '4711' },
  ]);
  expect(parseTcpTable(header + mapped)).toEqual([
    { local: '127.0.0.1:50002', remote: '127.64.7.2:7000', remoteAddress: '127.64.7.2', inode: '4713' },
  ]);
});

test('a connection of this process is found by its pid', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  expect(connectionsOf([process.pid]).map(({ pid, remote }) => `${pid} ${remote}`)).toContain(
    `${process.pid} 127.0.0.1:${port}`,
  );
  expect(connectionsOf([])).toEqual([]);
  client.destroy();
  server.close();
});
