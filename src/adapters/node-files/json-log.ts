import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { withoutSecrets } from '../../model/secrets.ts';
import type { AgentLog } from '../../ports/agent-log.ts';

/** One JSON object per line: `at`, `event`, then the fields. No secret that is known to this process gets into it. */
export function openJsonLog(file: string): AgentLog {
  mkdirSync(dirname(file), { recursive: true });
  return {
    write(event, fields = {}) {
      try {
        const line = JSON.stringify({ at: new Date().toISOString(), event, ...fields }, withoutSecretText);
        appendFileSync(file, `${line}\n`, { mode: 0o600 });
      } catch {
        // A full disk must not end the work that is being logged.
      }
    },
  };
}

function withoutSecretText(_name: string, value: unknown): unknown {
  return typeof value === 'string' ? withoutSecrets(value) : value;
}
