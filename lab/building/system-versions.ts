import type { LabRecord } from '../record.ts';

/** What the system's packages say of themselves; `unknown` when a program answers in another form. */
export async function systemVersions(): Promise<LabRecord['versions']> {
  const { execa } = await import('execa');
  const versionOf = async (program: string) => {
    const { all } = await execa(program, ['--version'], { reject: false, stdin: 'ignore', all: true });
    return /\b(\d+\.\d+\.\d+)/.exec(all ?? '')?.[1] ?? 'unknown';
  };
  const [etcd, containerd, git, prometheus, alertmanager] = await Promise.all([
    versionOf('etcd'),
    versionOf('containerd'),
    versionOf('git'),
    versionOf('prometheus'),
    versionOf('prometheus-alertmanager'),
  ]);
  return { etcd, containerd, git, prometheus, alertmanager };
}
