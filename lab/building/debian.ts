import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { RefusedProblem } from '../../src/model/problem.ts';
import type { ReportProgress } from '../../src/model/progress.ts';
import { installCommand, installPackages } from '../../src/toolchain/debian-packages.ts';
import { findProgram } from '../../src/toolchain/programs.ts';

/** Programs that the lab takes from the system, by the Debian package that brings each. A path is where the package puts it. */
export const systemPrograms = {
  etcd: { package: 'etcd-server', path: 'etcd' },
  containerd: { package: 'containerd', path: 'containerd' },
  ctr: { package: 'containerd', path: 'ctr' },
  runc: { package: 'runc', path: 'runc' },
  bridgePlugin: { package: 'containernetworking-plugins', path: '/usr/lib/cni/bridge' },
  iptables: { package: 'iptables', path: 'iptables' },
  conntrack: { package: 'conntrack', path: 'conntrack' },
  ip: { package: 'iproute2', path: 'ip' },
  nsenter: { package: 'util-linux', path: 'nsenter' },
  mount: { package: 'mount', path: 'mount' },
  busybox: { package: 'busybox-static', path: 'busybox' },
  openssl: { package: 'openssl', path: 'openssl' },
  curl: { package: 'curl', path: 'curl' },
  tar: { package: 'tar', path: 'tar' },
  git: { package: 'git', path: 'git' },
  redis: { package: 'redis-server', path: 'redis-server' },
  prometheus: { package: 'prometheus', path: 'prometheus' },
  alertmanager: { package: 'prometheus-alertmanager', path: 'prometheus-alertmanager' },
} as const;

interface InstallOptions {
  readonly progress: ReportProgress;
  readonly signal: AbortSignal;
}

/** Installs the Debian packages that are missing. Throws RefusedProblem `lab-needs-linux`, `lab-needs-root` or `missing-packages`. */
export async function systemPackages(options: InstallOptions): Promise<void> {
  refuseElsewhere();
  const packages = missingPackages();
  if (packages.length === 0) return;
  const command = installCommand(packages);
  if (findProgram('apt-get') === undefined) throw missing(packages, command, []);
  options.progress({ done: 0, unit: 'items', label: `installing Debian packages ${packages.join(', ')}` });
  const said = await withoutStartingServices(() => installPackages(packages, options.signal));
  if (missingPackages().length > 0) throw missing(missingPackages(), command, said);
}

function missingPackages(): readonly string[] {
  const missed = Object.values(systemPrograms).filter(({ path }) => findProgram(path) === undefined);
  return [...new Set(missed.map((program) => program.package))];
}

/** etcd and containerd come as services that start when installed. The lab runs its own, and the host must get none. */
async function withoutStartingServices<T>(work: () => Promise<T>): Promise<T> {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  try {
    // Debian's own way to say it: exit code 101 forbids the action.
    if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    return await work();
  } finally {
    if (ours) rmSync(policy, { force: true });
  }
}

function refuseElsewhere(): void {
  if (process.platform !== 'linux') {
    throw new RefusedProblem({
      code: 'lab-needs-linux',
      happened: 'The lab needs Linux, because it is a Kubernetes node made of Linux namespaces and control groups.',
      state: 'Nothing was changed.',
      next: 'Run it on Linux, or in a Linux virtual machine.',
    });
  }
  if (process.getuid?.() !== 0) {
    throw new RefusedProblem({
      code: 'lab-needs-root',
      happened: 'The lab needs root, because it creates network namespaces, mounts and control groups.',
      state: 'Nothing was changed.',
      next: 'Run the same command as root. The lab keeps everything in its own namespaces, and `cardea lab down` removes it.',
    });
  }
}

function missing(packages: readonly string[], command: readonly string[], said: readonly string[]): RefusedProblem {
  return new RefusedProblem({
    code: 'missing-packages',
    happened: `The lab needs ${packages.join(', ')}, but this machine does not have ${packages.length === 1 ? 'it' : 'them'}.`,
    state: 'Nothing was started.',
    next: `On Debian run: ${command.join(' ')}. On other systems install the same packages. Then run the command again.`,
    details: said,
  });
}
