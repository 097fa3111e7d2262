import { readFileSync, rmSync, mkdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../../src/model/problem.ts';
import { waitFor } from '../../src/host/wait-for.ts';
import { logTail, startDetached } from '../../src/host/detached-process.ts';
import { writeWhole } from '../../src/host/write-whole.ts';
import { runningProcess } from '../../src/host/local-process.ts';
import { addresses } from '../addresses.ts';
import type { LabPlaces } from '../folders.ts';

/**
 * The namespaces of the lab: network, mounts, processes. They hang on one process, the first of its process namespace: when that ends the
 * kernel ends every other one in it, and mounts, links, addresses and packet rules go with the namespaces they were made in. So nothing can
 * be left behind, however the lab ends.
 */
export interface Enclosure {
  /** The words before a command that runs inside. */
  readonly enter: readonly [string, ...string[]];
}

/**
 * First process of the lab. A constant script; the folders are arguments. It sees the host's files but has /proc of its own processes, /run,
 * /var/lib and /var/log of its own, and the cluster's name server. It reaps what its descendants leave.
 */
const keeper = `
set -eu
mount --make-rprivate /
mount -t proc proc /proc
mount --bind "$1" /var/lib
mount --bind "$2" /var/log
# Where the host's file is a link into /run, it needs something to point at.
names=$(readlink -f /etc/resolv.conf || echo /etc/resolv.conf)
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/lock "$(dirname "$names")"
[ -e "$names" ] || : > "$names"
mount --bind "$3" "$names"
# A pod may ask that its mounts be seen by others of the node.
mount --make-rshared /
# The kubelet sets these for the whole machine; in the lab it sets these files, and the host keeps its own settings.
mkdir -p /run/host-settings
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  file="/run/host-settings/$(echo "$setting" | tr / -)"
  cat "/proc/sys/$setting" > "$file"
  mount --bind "$file" "/proc/sys/$setting"
done
echo 1 > /proc/sys/net/ipv4/ip_forward
ip link set lo up
ip link add cni0 type bridge
ip address add "$4" dev cni0
ip link set cni0 up
# Nobody has these addresses: the rules of kube-proxy replace them on the way. Without a route a process of the node would not even try.
ip route add "$5" dev cni0
: > "$6"
trap : TERM INT HUP
while :; do sleep 86400 & wait "$!" || :; done
`;

const namespaces = ['--net', '--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child=SIGKILL'];
const startMs = 15_000;

/** Makes the namespaces unless they are there. Throws FailedProblem `lab-not-enclosed`. */
export async function startEnclosure(places: LabPlaces): Promise<Enclosure> {
  const found = findEnclosure(places);
  if (found !== undefined) return found;
  const ready = readyFile(places);
  const logFile = join(places.logs, 'enclosure.log');
  rmSync(ready, { force: true });
  for (const folder of [places.pids, places.varLib, places.varLog]) mkdirSync(folder, { recursive: true });
  const names = join(places.configuration, 'resolv.conf');
  writeWhole(
    names,
    `search svc.${addresses.clusterDomain} ${addresses.clusterDomain}\nnameserver ${addresses.dnsService}\n`,
  );
  const bridge = `${addresses.node}/${addresses.podNetwork.split('/')[1]}`;
  await startDetached({
    title: "the lab's first process",
    command: [
      'unshare',
      ...namespaces,
      '/bin/sh',
      '-c',
      keeper,
      'cardea-lab',
      places.varLib,
      places.varLog,
      names,
      bridge,
      addresses.serviceNetwork,
      ready,
    ],
    directory: '/',
    variables: {},
    pidFile: pidFile(places),
    logFile,
    owner: places.home,
  });
  const started = await waitFor(() => (existsSync(ready) ? findEnclosure(places) : ended(places)), {
    withinMs: startMs,
  });
  if (started !== undefined && started !== 'ended') return started;
  throw new FailedProblem({
    code: 'lab-not-enclosed',
    happened: 'The namespaces of the lab could not be created.',
    state: 'Nothing else of the lab was started.',
    next: `Read ${logFile}. In a container the lab needs permission to unshare and mount (--privileged).`,
    details: logTail(logFile),
  });
}

/** The namespaces that are there and whole; undefined when the lab is down. Starts no process. */
export function findEnclosure(places: LabPlaces): Enclosure | undefined {
  const outer = runningProcess(pidFile(places));
  const first = outer === undefined ? undefined : childOf(outer.pid);
  if (first === undefined || !existsSync(readyFile(places))) return undefined;
  return { enter: ['nsenter', `--target=${first}`, '--net', '--mount', '--pid', '--ipc', '--uts', '--'] };
}

/** The first child of a process. */
export function childOf(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    return child === undefined || child === '' ? undefined : Number(child);
  } catch {
    return undefined;
  }
}

function ended(places: LabPlaces): 'ended' | undefined {
  return runningProcess(pidFile(places)) === undefined ? 'ended' : undefined;
}

function pidFile(places: LabPlaces): string {
  return join(places.pids, 'enclosure.pid');
}

function readyFile(places: LabPlaces): string {
  return join(places.pids, 'enclosure.ready');
}
