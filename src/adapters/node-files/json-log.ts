import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AgentLog } from '../../ports/agent-log.ts';

/** One JSON object per line: `at`, `event`, then the fields. */
export function openJsonLog(file: string): AgentLog {
  mkdirSync(dirname(file), { recursive: true });
  return {
    write(event, fields = {}) {
      try {
        appendFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n`, {
          mode: 0o600,
        });
      } catch {
        // A full disk must not end the work that is being logged.
      }
    },
  };
}
