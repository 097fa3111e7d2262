import { join } from 'node:path';
import type { LabAddon } from './addon.ts';
import { addresses } from '../addresses.ts';
import { partFolder } from '../building/part-build.ts';
import { labPart } from '../building/parts.ts';

const image = `docker.io/cardea/coredns:${labPart('coredns').version}`;

/** CoreDNS: names of services and pods, and nothing of the outside, which the lab does not reach. */
export function dns(cache: string): LabAddon {
  const part = labPart('coredns');
  const coredns = join(partFolder(cache, part), 'coredns');
  return {
    name: 'coredns',
    title: part.title,
    version: part.version,
    images: async () => [{ name: image, files: { coredns }, entrypoint: ['/coredns'], user: '65532' }],
    manifests: async () => JSON.stringify({ apiVersion: 'v1', kind: 'List', items: dnsObjects() }),
    workloads: [{ namespace: 'kube-system', name: 'deployment/coredns' }],
  };
}

function dnsObjects(): readonly object[] {
  const metadata = { name: 'coredns', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } };
  const name = 'system:coredns';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules: [
        { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name: metadata.name, namespace: metadata.namespace }],
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: corefile } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, name: 'kube-dns' },
      spec: {
        clusterIP: addresses.dnsService,
        selector: metadata.labels,
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, protocol: 'TCP' },
        ],
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: metadata.labels },
        template: { metadata: { labels: metadata.labels }, spec: podSpec(metadata.name) },
      },
    },
  ];
}

const corefile = `.:53 {
    errors
    health :8080
    ready :8181
    kubernetes ${addresses.clusterDomain} in-addr.arpa {
        pods insecure
    }
    cache 10
    loadbalance
}
`;

function podSpec(account: string): object {
  return {
    serviceAccountName: account,
    priorityClassName: 'system-cluster-critical',
    // Not the cluster's own names: it would ask itself.
    dnsPolicy: 'Default',
    containers: [
      {
        name: 'coredns',
        image,
        imagePullPolicy: 'Never',
        args: ['-conf', '/etc/coredns/Corefile'],
        ports: [
          { containerPort: 53, protocol: 'UDP' },
          { containerPort: 53, protocol: 'TCP' },
        ],
        resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
        readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 2 },
        livenessProbe: { httpGet: { path: '/health', port: 8080 }, periodSeconds: 10, failureThreshold: 5 },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [{ name: 'configuration', mountPath: '/etc/coredns', readOnly: true }],
      },
    ],
    volumes: [{ name: 'configuration', configMap: { name: 'coredns' } }],
  };
}
