import type { Client } from 'cassandra-driver';
import { port } from './topology.ts';

/** A CQL session with exactly one node, which coordinates every request. The caller ends it with `shutdown`. */
export async function nodeClient(address: string, datacenter: string): Promise<Client> {
  const { default: driver } = await import('cassandra-driver');
  const { AllowListPolicy, RoundRobinPolicy } = driver.policies.loadBalancing;
  return new driver.Client({
    contactPoints: [`${address}:${port.cql}`],
    localDataCenter: datacenter,
    policies: { loadBalancing: new AllowListPolicy(new RoundRobinPolicy(), [`${address}:${port.cql}`]) },
    // Asked often while a ring starts: nobody here needs the driver's picture of the schema.
    isMetadataSyncEnabled: false,
    // The driver would wait half a second and more after each table; here all tables are made through one node, and agreement is waited for once.
    protocolOptions: { maxSchemaAgreementWaitSeconds: 0 },
    pooling: { coreConnectionsPerHost: { 0: 1 } },
    socketOptions: { connectTimeout: 5000, readTimeout: 30_000 },
  });
}
