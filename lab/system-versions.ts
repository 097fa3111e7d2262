import type { LabRecord } from './record.ts';

/** What the system's packages say of themselves; `unknown` when a program answers in another form. */
export async function systemVersions(): Promise<LabRecord['versions']> {
  const { execa } = await import('execa');
  const versionOf = async (program: string) => {
    const { stdout } = await execa(program, ['--version'], { reject: false, stdin: 'ignore' });
    return /\b(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? 'unknown';
  };
  const [etcd, containerd] = await Promise.all([versionOf('etcd'), versionOf('containerd')]);
  return { etcd, containerd };
}
