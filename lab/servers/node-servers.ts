import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../src/host/write-whole.ts';
import { addresses, nodeName } from '../addresses.ts';
import { authority, certificateOf } from './certificates.ts';
import { cgroupOf, cgroups } from '../enclosure/control-groups.ts';
import { containerdSocket, ctr } from '../images/ctr.ts';
import { kubeconfigOf, kubernetesProgram, kubernetesServer } from './control-plane.ts';
import { lacksHealth } from './health.ts';
import type { Lab } from '../lab.ts';
import { pauseImage } from '../images/images.ts';
import { labPart } from '../building/parts.ts';
import type { LabServer } from './server.ts';

/** containerd, kubelet and kube-proxy: what makes the machine a node, in the order they start. */
export function nodeServers(lab: Lab): readonly LabServer[] {
  return [containerRuntime(lab), kubelet(lab), proxy(lab)];
}

function containerRuntime(lab: Lab): LabServer {
  const networks = join(lab.places.configuration, 'cni');
  const configuration = join(lab.places.configuration, 'containerd.toml');
  return {
    name: 'containerd',
    title: 'containerd',
    version: lab.system.containerd,
    prepare() {
      writeWhole(join(networks, '10-bridge.conflist'), bridgeNetwork());
      writeWhole(configuration, containerdConfiguration(networks));
    },
    command: ['containerd', `--config=${configuration}`],
    lacks: async () => {
      const [program, ...args] = [...ctr(lab), 'version'] as const;
      const { execa } = await import('execa');
      const { failed } = await execa(program, args, { reject: false, stdin: 'ignore', timeout: 5000 });
      return failed ? 'it does not answer' : undefined;
    },
    withinMs: 120_000,
  };
}

function containerdConfiguration(networks: string): string {
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # CoreDNS listens on port 53 and is not root.
  enable_unprivileged_ports = true
  # Where the kernel forbids to lower oom_score_adj, runc would end with "can't get final child's PID".
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`;
}

function bridgeNetwork(): string {
  const bridge = {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    ipMasq: false,
    hairpinMode: true,
    // Leases go with the namespaces: after a restart of the lab no pod has an address.
    ipam: {
      type: 'host-local',
      dataDir: '/run/cni-leases',
      ranges: [[{ subnet: addresses.podNetwork }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  };
  const plugins = [bridge, { type: 'portmap', capabilities: { portMappings: true } }];
  return `${JSON.stringify({ cniVersion: '0.4.0', name: 'lab', plugins }, null, 2)}\n`;
}

function kubelet(lab: Lab): LabServer {
  const configuration = join(lab.places.configuration, 'kubelet.json');
  const names = join(lab.places.configuration, 'pods-resolv.conf');
  const access = kubeconfigOf(lab, 'kubelet');
  return {
    name: 'kubelet',
    title: 'kubelet',
    version: labPart('kubernetes').version,
    prepare() {
      for (const group of cgroups(lab.places.home)) mkdirSync(group, { recursive: true });
      access.write();
      writeWhole(names, '# A pod whose DNS policy is Default gets this: the lab has no name server but its own.\n');
      writeWhole(configuration, `${JSON.stringify(kubeletConfiguration(lab, names), null, 2)}\n`);
    },
    command: [
      kubernetesProgram(lab, 'kubelet'),
      `--config=${configuration}`,
      `--kubeconfig=${access.path}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${addresses.node}`,
      '--root-dir=/var/lib/kubelet',
    ],
    lacks: () => lacksHealth(lab, 'http://127.0.0.1:10248/healthz'),
    withinMs: 120_000,
  };
}

function kubeletConfiguration(lab: Lab, resolvConf: string): object {
  const { certificate, key } = certificateOf(lab.places, 'kubelet');
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: addresses.node,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: authority(lab.places).certificate },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: certificate,
    tlsPrivateKeyFile: key,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    clusterDNS: [addresses.dnsService],
    clusterDomain: addresses.clusterDomain,
    resolvConf,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: cgroupOf(lab.places.home),
    failSwapOn: false,
    failCgroupV1: false,
    // The images come from no registry: one that was removed to make room would not come back.
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '200Mi', 'nodefs.available': '2%', 'imagefs.available': '2%' },
    maxPods: 110,
    // What takes long in a lab with one node is waiting for the next look.
    nodeStatusUpdateFrequency: '5s',
    syncFrequency: '10s',
    shutdownGracePeriod: '0s',
  };
}

function proxy(lab: Lab): LabServer {
  return kubernetesServer(lab, {
    name: 'proxy',
    options: [
      `--hostname-override=${nodeName}`,
      '--proxy-mode=iptables',
      `--cluster-cidr=${addresses.podNetwork}`,
      '--healthz-bind-address=127.0.0.1:10256',
      '--metrics-bind-address=127.0.0.1:10249',
      // The table of connections is the host's, and so is its size.
      '--conntrack-max-per-core=0',
      '--conntrack-tcp-timeout-established=0s',
      '--conntrack-tcp-timeout-close-wait=0s',
    ],
    // Its /healthz also wants the node to be registered, which comes later.
    health: 'http://127.0.0.1:10256/livez',
  });
}
