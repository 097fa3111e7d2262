import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { addresses, ports } from './addresses.ts';
import type { Lab } from './lab.ts';
import type { LabServer } from './server.ts';

/** The repository that is delivered in the lab. */
export const platformRepository = 'platform.git';

/** A Git server that takes pushes from anyone who reaches it: the host's loopback and the lab's own network. */
export function gitServer(lab: Lab): LabServer {
  const folder = join(lab.places.home, 'git');
  const repository = join(folder, platformRepository);
  return {
    name: 'git',
    title: 'Git server',
    version: lab.system.git,
    prepare() {
      mkdirSync(folder, { recursive: true });
      if (!existsSync(join(repository, 'HEAD'))) {
        execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', repository], { stdio: 'ignore' });
      }
    },
    command: [
      ...(['git', 'daemon'] as const),
      `--listen=${addresses.node}`,
      `--port=${ports.git}`,
      `--base-path=${folder}`,
      '--export-all',
      '--enable=receive-pack',
      '--reuseaddr',
      '--informative-errors',
      folder,
    ],
    async lacks() {
      const url = `git://${addresses.node}:${ports.git}/${platformRepository}`;
      const [program, ...args] = [...lab.enclosure.enter, 'git', 'ls-remote', '--heads', url] as const;
      const { execa } = await import('execa');
      const { failed, stderr } = await execa(program, args, { reject: false, stdin: 'ignore', timeout: 5000 });
      return failed ? (stderr.trim().split('\n').at(-1) ?? 'no answer') : undefined;
    },
    withinMs: 60_000,
  };
}
