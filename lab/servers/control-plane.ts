import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../src/host/write-whole.ts';
import { addresses, ports } from '../addresses.ts';
import { authority, certificateOf, type Identity, kubeconfig, serviceAccountKey } from './certificates.ts';
import { lacksHealth } from './health.ts';
import type { Lab } from '../lab.ts';
import { partFolder } from '../building/part-build.ts';
import { labPart } from '../building/parts.ts';
import type { LabServer } from './server.ts';

/** etcd, API server, controller manager and scheduler, in the order they start. */
export function controlPlane(lab: Lab): readonly LabServer[] {
  return [etcd(lab), apiServer(lab), controllerManager(lab), scheduler(lab)];
}

/** Where servers inside the namespaces find the API server. */
export const apiAddress = `https://${addresses.node}:${ports.apiserver}`;

/** Path of a program of Kubernetes. */
export function kubernetesProgram(lab: Pick<Lab, 'cache'>, name: string): string {
  return join(partFolder(lab.cache, labPart('kubernetes')), name);
}

/** The kubeconfig of a server inside the namespaces: its path, and what writes it. */
export function kubeconfigOf(lab: Lab, identity: Identity): { readonly path: string; readonly write: () => void } {
  const path = join(lab.places.configuration, `${identity}.kubeconfig`);
  return { path, write: () => writeWhole(path, kubeconfig(lab.places, identity, apiAddress), 0o600) };
}

function etcd(lab: Lab): LabServer {
  const client = 'http://127.0.0.1:2379';
  const peer = 'http://127.0.0.1:2380';
  return {
    name: 'etcd',
    title: 'etcd',
    version: lab.system.etcd,
    prepare: () => void mkdirSync(lab.places.etcd, { recursive: true, mode: 0o700 }),
    command: [
      'etcd',
      '--name=lab',
      `--data-dir=${lab.places.etcd}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=lab=${peer}`,
      // A lab that loses power is made anew; waiting for the disk at every write would cost more than all the rest.
      '--unsafe-no-fsync',
    ],
    lacks: () => lacksHealth(lab, `${client}/health`),
    withinMs: 120_000,
  };
}

function apiServer(lab: Lab): LabServer {
  const { places } = lab;
  const server = certificateOf(places, 'apiserver');
  const toKubelet = certificateOf(places, 'apiserver-kubelet');
  return {
    name: 'apiserver',
    title: 'kube-apiserver',
    version: labPart('kubernetes').version,
    command: [
      kubernetesProgram(lab, 'kube-apiserver'),
      '--etcd-servers=http://127.0.0.1:2379',
      `--bind-address=${addresses.node}`,
      `--advertise-address=${addresses.node}`,
      `--secure-port=${ports.apiserver}`,
      `--service-cluster-ip-range=${addresses.serviceNetwork}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      '--allow-privileged=true',
      `--client-ca-file=${authority(places).certificate}`,
      `--tls-cert-file=${server.certificate}`,
      `--tls-private-key-file=${server.key}`,
      `--kubelet-certificate-authority=${authority(places).certificate}`,
      `--kubelet-client-certificate=${toKubelet.certificate}`,
      `--kubelet-client-key=${toKubelet.key}`,
      // The node's name is in no DNS.
      '--kubelet-preferred-address-types=InternalIP',
      `--service-account-issuer=https://kubernetes.default.svc.${addresses.clusterDomain}`,
      `--service-account-key-file=${serviceAccountKey(places)}`,
      `--service-account-signing-key-file=${serviceAccountKey(places)}`,
    ],
    lacks: async () => {
      const ready = await lab.kubectl.run(['get', '--raw', '/readyz'], { withinMs: 5000 }).catch(() => undefined);
      return ready === 'ok' ? undefined : 'it does not report that it is ready';
    },
    withinMs: 120_000,
  };
}

interface ApiClient {
  readonly name: Extract<Identity, 'controller-manager' | 'scheduler' | 'proxy'>;
  readonly options: readonly string[];
  /** Its own address that says `ok`. */
  readonly health: string;
}

/** A program of Kubernetes that works through the API server alone. */
export function kubernetesServer(lab: Lab, { name, options, health }: ApiClient): LabServer {
  const access = kubeconfigOf(lab, name);
  return {
    name,
    title: `kube-${name}`,
    version: labPart('kubernetes').version,
    prepare: access.write,
    command: [kubernetesProgram(lab, `kube-${name}`), `--kubeconfig=${access.path}`, ...options],
    lacks: () => lacksHealth(lab, health),
    withinMs: 120_000,
  };
}

function controllerManager(lab: Lab): LabServer {
  const { places } = lab;
  return kubernetesServer(lab, {
    name: 'controller-manager',
    options: [
      '--bind-address=127.0.0.1',
      // One alone needs no election, and one that loses an election because the API server restarts would end.
      '--leader-elect=false',
      '--use-service-account-credentials=true',
      `--root-ca-file=${authority(places).certificate}`,
      `--service-account-private-key-file=${serviceAccountKey(places)}`,
      `--cluster-signing-cert-file=${authority(places).certificate}`,
      `--cluster-signing-key-file=${authority(places).key}`,
      '--profiling=false',
    ],
    health: 'https://127.0.0.1:10257/healthz',
  });
}

function scheduler(lab: Lab): LabServer {
  const options = ['--bind-address=127.0.0.1', '--leader-elect=false', '--profiling=false'];
  return kubernetesServer(lab, { name: 'scheduler', options, health: 'https://127.0.0.1:10259/healthz' });
}
