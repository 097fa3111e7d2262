/** Images that the lab makes and imports into its containerd. There is no registry of that name: pods say `imagePullPolicy: IfNotPresent` or `Never`. */
export const imageNames = {
  /** Cardea itself with Medusa: what pipelines, backups and restores run. The version is that of package.json. */
  cardea: 'cardea.local/cardea:0.2.0',
  /** Cassandra as cass-operator wants it, with the lab's own management API. */
  cassandra: 'cardea.local/cassandra:5.0.6',
  janusgraph: 'cardea.local/janusgraph:1.1.0',
} as const;
