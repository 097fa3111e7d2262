/**
 * Addresses inside the lab's network namespace. They never meet the host's: the namespace has no link to the outside at all.
 */
export const addresses = {
  /** The bridge: the node's own address, where the API server and the lab's servers listen. */
  node: '10.244.0.1',
  podNetwork: '10.244.0.0/24',
  serviceNetwork: '10.96.0.0/16',
  /** First address of the service network: Kubernetes gives it to the service `kubernetes`. */
  apiService: '10.96.0.1',
  dnsService: '10.96.0.10',
  clusterDomain: 'cluster.local',
} as const;

export const nodeName = 'cardea-lab';

/** What listens on the node's address, and on the same ports of the lab's loopback address on the host: nothing else is reached from there. */
export const ports = {
  apiserver: 6443,
  's3-paris': 7070,
  's3-frankfurt': 7071,
  git: 9418,
  prometheus: 9090,
  alertmanager: 9093,
} as const;
