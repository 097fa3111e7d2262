import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { waitFor } from '../../src/host/wait-for.ts';

const checkout = join(import.meta.dirname, '../..');

const report = z.looseObject({
  server: z.string(),
  kubeconfig: z.string(),
  tools: z.object({ kubectl: z.string(), argocd: z.string() }),
  servers: z.array(z.object({ name: z.string(), pid: z.number().nullable() })),
});

/** A lab in a home of its own, by the program's own commands: one that is up on this machine is left alone. */
export interface OwnLab {
  /** Loopback address of the host where the lab is reached. */
  readonly address: () => Promise<string>;
  readonly up: () => Promise<void>;
  readonly down: () => Promise<void>;
  /** Standard output. */
  readonly kubectl: (args: readonly string[], input?: string) => Promise<string>;
  /** Kills a server of the lab and starts it again. */
  readonly restart: (server: string) => Promise<void>;
  /** Waits until `said` says what is expected; else fails with what was said last and the last events of the namespace. */
  readonly becomes: (said: () => Promise<string>, expected: string | RegExp, namespace: string) => Promise<void>;
}

export function ownLab(): OwnLab {
  const state = mkdtempSync(join(tmpdir(), 'cardea-lab-'));
  const cardea = async (...args: readonly string[]): Promise<string> => {
    const options = { env: { XDG_STATE_HOME: state }, stdin: 'ignore' } as const;
    return (await execa(join(checkout, 'cardea'), ['lab', ...args, '--json'], options)).stdout;
  };
  const status = async () => report.parse(JSON.parse(await cardea('status')));
  let known: z.infer<typeof report> | undefined;
  const kubectl = async (args: readonly string[], input?: string) => {
    const { tools, kubeconfig } = (known ??= await status());
    const given = input === undefined ? ({ stdin: 'ignore' } as const) : { input };
    return (await execa(tools.kubectl, [`--kubeconfig=${kubeconfig}`, ...args], given)).stdout;
  };
  return {
    kubectl,
    address: async () => new URL((known ??= await status()).server).hostname,
    up: async () => void (await cardea('up')),
    async down() {
      await cardea('down');
      rmSync(state, { recursive: true, force: true });
    },
    async restart(server) {
      const pid = (await status()).servers.find(({ name }) => name === server)?.pid;
      if (pid === undefined || pid === null) throw new Error(`${server} does not run`);
      process.kill(pid, 'SIGKILL');
      const gone = async () => (await status()).servers.find(({ name }) => name === server)?.pid === null;
      await waitFor(async () => ((await gone()) ? true : undefined), { withinMs: 30_000, everyMs: 100 });
      await cardea('up');
    },
    async becomes(said, expected, namespace) {
      let last = '';
      const met = async () => {
        // Away for a moment while a server is started again, or not there yet.
        last = await said().catch((error: unknown) => String(error));
        return (typeof expected === 'string' ? last === expected : expected.test(last)) ? true : undefined;
      };
      if ((await waitFor(met, { withinMs: 900_000, everyMs: 500 })) === true) return;
      const asked = [
        ['get', 'pods', '--output=wide'],
        ['get', 'events', '--sort-by=.lastTimestamp'],
      ];
      const context = await Promise.all(
        asked.map(async (args) => kubectl([...args, `--namespace=${namespace}`]).catch(String)),
      );
      throw new Error(
        [
          `not seen: ${String(expected)}`,
          `but: ${last}`,
          ...context.flatMap((each) => each.split('\n').slice(-12)),
        ].join('\n'),
      );
    },
  };
}
