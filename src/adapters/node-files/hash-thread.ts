import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { HashMessage } from './file-hashes.ts';

const pieceBytes = 4 * 1024 * 1024;
const piece = Buffer.allocUnsafe(pieceBytes);

parentPort?.on('message', (path: string) => {
  try {
    say({ sha256: hashOf(path) });
  } catch (thrown) {
    // Handed over as it is: it keeps its message and stack.
    say({ error: thrown });
  }
});

/** Reads and hashes in one go: this thread has nothing else to do. */
function hashOf(path: string): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    for (let got = readSync(file, piece); got > 0; got = readSync(file, piece)) {
      hash.update(piece.subarray(0, got));
      say({ bytes: got });
    }
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

function say(message: HashMessage): void {
  parentPort?.postMessage(message, []);
}
