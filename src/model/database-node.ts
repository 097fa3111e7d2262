import { z } from 'zod';

/** A Cassandra node of an environment as Cardea knows it before asking anyone: declared, not observed. */
export const databaseNode = z.object({
  /** Stable name: the pod name on Kubernetes, `local-rack1-sts-0` in the sandbox. Medusa's fqdn. */
  name: z.string(),
  datacenter: z.string(),
  rack: z.string(),
  /** Address of the node in the ring and of its CQL port. */
  address: z.string(),
  cqlPort: z.number().int(),
  /** Base URL of the node's agent. */
  agent: z.string(),
});
export type DatabaseNode = z.infer<typeof databaseNode>;

/** A node as the ring sees it. */
export interface RingMember {
  readonly address: string;
  readonly hostId: string;
  readonly datacenter: string;
  readonly rack: string;
  readonly up: boolean;
  readonly tokens: readonly string[];
  readonly schemaVersion: string;
  readonly releaseVersion: string;
}
