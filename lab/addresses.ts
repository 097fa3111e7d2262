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
export const apiPort = 6443;
