import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { openLoggedDatabase } from '../adapters/cassandra-node/logged-database.ts';
import { readSyncPeriod } from '../adapters/cassandra-node/log-settings.ts';
import { openLogFiles } from '../adapters/node-files/log-files.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import type { NodeParts } from '../node/node-parts.ts';
import { ShippingLoop } from '../node/shipping/shipping-loop.ts';
import { shippingStateIn } from '../node/shipping/shipping-state.ts';
import type { AgentLog } from '../ports/agent-log.ts';

/**
 * Bytes always left free on the commit log's disk, whatever waits for the store: room for several of Cassandra's own
 * segments.
 */
const minimumFree = 256 * 1024 * 1024;

/** The shipping of the agent that the configuration describes; undefined when it shall not ship. */
export function openShipping(config: AgentConfig, parts: NodeParts, log: AgentLog): ShippingLoop | undefined {
  const { shipping, cassandra, stateDirectory, environment } = config;
  if (shipping === undefined) return undefined;
  const { node, clock, bucket, files, database } = parts;
  return new ShippingLoop({
    node,
    environment,
    clock,
    log,
    bucket,
    files: openLogFiles({ commitlog: cassandra.commitlogDirectory, links: shipping.linkDirectory }),
    database: openLoggedDatabase({ address: cassandra.cqlAddress, port: cassandra.cqlPort }),
    running: async () => {
      if ((await database.runningPid()) !== undefined) return 'running';
      // A pid file that names a dead process proves that it is gone; without one, we only know that it does not answer.
      return existsSync(cassandra.pidFile) ? 'stopped' : 'unsure';
    },
    newWriter: randomUUID,
    state: shippingStateIn(stateDirectory, files),
    intervalMs: shipping.intervalMs,
    settings: { maximumPinned: shipping.maximumPinned, minimumFree, syncPeriod: readSyncPeriod(cassandra.yaml) },
  });
}
