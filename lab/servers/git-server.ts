import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { addresses, ports } from '../addresses.ts';
import type { Lab } from '../lab.ts';
import type { LabServer } from './server.ts';

/** The repository that is delivered in the lab. */
export const platformRepository = 'platform.git';

/** A Git server that takes pushes from anyone who reaches it: the host's loopback and the lab's own network. */
export function gitServer(lab: Lab): LabServer {
  const folder = repositories(lab);
  return {
    name: 'git',
    title: 'Git server',
    version: lab.system.git,
    prepare() {
      makeRepository(lab, platformRepository);
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

/** The repository that `lab test` pushes to: where this process finds it, and where the cluster does. */
export function proofRepository(lab: Lab): { readonly push: string; readonly pull: string } {
  const name = 'lab-test.git';
  makeRepository(lab, name);
  const url = (host: string) => `git://${host}:${ports.git}/${name}`;
  return { push: url(lab.hostAddress), pull: url(addresses.node) };
}

function repositories(lab: Lab): string {
  return join(lab.places.home, 'git');
}

function makeRepository(lab: Lab, name: string): void {
  const repository = join(repositories(lab), name);
  mkdirSync(repository, { recursive: true });
  if (existsSync(join(repository, 'HEAD'))) return;
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', repository], { stdio: 'ignore' });
}
