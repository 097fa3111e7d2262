import { connect } from 'node:net';

// A version 4 OPTIONS request, which every node answers before any login, and the opcode of its answer SUPPORTED (CQL protocol, section 4.1.3).
const optionsFrame = Buffer.from([0x04, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00]);
const supported = 0x06;

/**
 * True when a CQL server answers at this address in time. A port that accepts but stays silent belongs to a hung or
 * starting node: false.
 */
export function answersCql(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    let received = Buffer.alloc(0);
    socket.setTimeout(timeoutMs, () => end(false));
    socket.on('connect', () => socket.write(optionsFrame));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 5) end(received[4] === supported);
    });
    socket.on('error', () => end(false));
    socket.on('close', () => resolve(false));
  });
}
