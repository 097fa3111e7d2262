import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Publish } from './argocd-proof.ts';
import { proofRepository } from '../servers/git-server.ts';
import type { Lab } from '../lab.ts';
import { unmet } from './proof.ts';

/** What Argo CD is to bring, pushed to a repository of the lab's Git server: the second push arrives without anyone telling Argo CD. */
export function byPushes(lab: Lab): Publish {
  return async (said) => {
    const { push, pull } = proofRepository(lab);
    const revision = await pushed(push, said);
    return { source: { repoURL: pull, targetRevision: 'main', path: '.' }, revision };
  };
}

/** Commits one ConfigMap and pushes it; the commit's hash. */
async function pushed(url: string, said: string): Promise<string> {
  const { execa } = await import('execa');
  const folder = mkdtempSync(join(tmpdir(), 'cardea-lab-test-'));
  // A hook of Git sets variables that would lead another Git to its repository.
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, GIT_CONFIG_NOSYSTEM: '1' };
  const git = async (...args: readonly string[]) => {
    const who = ['-c', 'user.name=cardea lab', '-c', 'user.email=lab@cardea.local'];
    const options = { cwd: folder, env, extendEnv: false, reject: false, stdin: 'ignore', timeout: 30_000 } as const;
    const { failed, stdout, stderr } = await execa('git', [...who, ...args], options);
    if (failed) throw unmet(`git ${args[0] ?? ''} failed on ${url}.`, stderr);
    return stdout.trim();
  };
  try {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'proof' }, data: { said } };
    await git('init', '--quiet', '--initial-branch=main');
    writeFileSync(join(folder, 'proof.yaml'), JSON.stringify(object));
    await git('add', 'proof.yaml');
    await git('commit', '--quiet', `--message=Say ${said}`);
    await git('push', '--quiet', '--force', url, 'main');
    return await git('rev-parse', 'HEAD');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
