import { appendFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { withoutSecrets } from '../../model/secrets.ts';
import type { AgentLog } from '../../ports/agent-log.ts';

/** As the logs of the servers (src/toolchain/logback.ts): this many bytes, then the file is put away; two old files are kept. */
const largest = 20 * 1024 * 1024;
const oldFiles = 2;

/**
 * One JSON object per line: `at`, `event`, then the fields. A file that would grow beyond `maximum` bytes becomes `NAME.1.log`, what was
 * that `NAME.2.log`, and what was that is gone. For one writer at a time. No secret that is known to this process gets into it.
 */
export function openJsonLog(file: string, { maximum = largest }: { readonly maximum?: number } = {}): AgentLog {
  mkdirSync(dirname(file), { recursive: true });
  let bytes: number | undefined;
  return {
    write(event, fields = {}) {
      try {
        const line = Buffer.from(
          `${JSON.stringify({ at: new Date().toISOString(), event, ...fields }, withoutSecretText)}\n`,
        );
        bytes ??= existsSync(file) ? statSync(file).size : 0;
        if (bytes > 0 && bytes + line.length > maximum) {
          putAway(file);
          bytes = 0;
        }
        appendFileSync(file, line, { mode: 0o600 });
        bytes += line.length;
      } catch {
        // A full disk must not end the work that is being logged. How much of the line was written is looked up.
        bytes = undefined;
      }
    },
  };
}

function putAway(file: string): void {
  const extension = extname(file);
  const old = (count: number) => `${file.slice(0, file.length - extension.length)}.${count}${extension}`;
  for (let count = oldFiles - 1; count >= 1; count -= 1) {
    if (existsSync(old(count))) renameSync(old(count), old(count + 1));
  }
  renameSync(file, old(1));
}

function withoutSecretText(_name: string, value: unknown): unknown {
  return typeof value === 'string' ? withoutSecrets(value) : value;
}
