import { basename } from 'node:path';
import { bytesOf, formatBytes } from '../../model/bytes.ts';
import type { EnvironmentConfig } from '../../model/config.ts';
import { milliseconds } from '../../model/duration.ts';
import type { EnvironmentRecord } from './environment-record.ts';
import { configuredLocation } from './store-choice.ts';
import { racksInTurn } from './topology.ts';

/** A setting of the configuration that an environment does not have, because it was made when the configuration said otherwise. */
export interface ConfigurationChange {
  /** Path below the environment in cardea.config.ts. */
  readonly key: string;
  /** What the environment has, for people. */
  readonly was: string;
  /** What the configuration says, for people. */
  readonly is: string;
  /** What it takes to apply it: its agents started anew, its Cassandra nodes started anew, or an environment made anew. */
  readonly takes: 'agents' | 'nodes' | 'environment';
}

/**
 * In the order of the configuration. What an option of `sandbox up` decided is no change: not the size and the store of an environment whose
 * record does not say what decided them, either. Credentials are not compared. Changes nothing.
 */
export function configurationChanges(
  record: EnvironmentRecord,
  config: EnvironmentConfig,
  directory: string,
): readonly ConfigurationChange[] {
  const { datacenter, janusgraph, backup } = config;
  const { graph, nodes, shipping } = record;
  const chosen = record.chosen ?? { nodes: true, store: true };
  const changes: ConfigurationChange[] = [];
  const compare = (takes: ConfigurationChange['takes'], key: string, was: string | number, is: string | number) => {
    if (was !== is) changes.push({ key, was: String(was), is: String(is), takes });
  };
  compare('nodes', 'platform.heapMb', record.heapMb, heapOf(config));
  compare('environment', 'datacenter.cluster', record.cluster, clusterOf(record.name, config));
  compare('environment', 'datacenter.name', record.datacenter, datacenter.name);
  const racks = nodes.map(({ rack }) => rack);
  if (racks.join() !== racksInTurn(datacenter.racks, nodes.length).join()) {
    compare('environment', 'datacenter.racks', [...new Set(racks)].join(', '), datacenter.racks.join(', '));
  }
  if (!chosen.nodes) compare('environment', 'datacenter.size', nodes.length, datacenter.size);
  compare('environment', 'janusgraph.keyspace', graph.keyspace, janusgraph.keyspace);
  compare('environment', 'janusgraph.index', graph.index, janusgraph.index);
  if (graph.replicationFactor !== Math.min(janusgraph.replicationFactor, nodes.length)) {
    compare('environment', 'janusgraph.replicationFactor', graph.replicationFactor, janusgraph.replicationFactor);
  }
  if (!chosen.store) {
    const wanted = configuredLocation(directory, backup.store);
    if (!isSameStore(record.store, wanted, backup.store)) {
      compare('environment', 'backup.store', storeText(record.store), storeText(wanted));
    }
  }
  compare('agents', 'backup.bandwidth', record.bandwidth, backup.bandwidth);
  compare('environment', 'backup.log.ship', String(shipping !== undefined), String(backup.log.ship));
  const wanted = shippingOf(backup.log);
  if (shipping === undefined || wanted === undefined) return changes;
  if (shipping.intervalMs !== wanted.intervalMs) {
    compare('agents', 'backup.log.interval', `${shipping.intervalMs}ms`, backup.log.interval);
  }
  if (shipping.maximumPinned !== wanted.maximumPinned) {
    compare('agents', 'backup.log.maximumPinned', formatBytes(shipping.maximumPinned), backup.log.maximumPinned);
  }
  return changes;
}

/** The record with the configuration's values of those settings that take no more than the agents, the nodes or both started anew. Pure. */
export function withSettings(
  record: EnvironmentRecord,
  config: EnvironmentConfig,
  takes: ReadonlySet<ConfigurationChange['takes']>,
): EnvironmentRecord {
  const shipping = shippingOf(config.backup.log);
  return {
    ...record,
    ...(takes.has('nodes') ? { heapMb: heapOf(config) } : {}),
    ...(takes.has('agents') ? { bandwidth: config.backup.bandwidth } : {}),
    ...(takes.has('agents') && record.shipping !== undefined && shipping !== undefined ? { shipping } : {}),
  };
}

export function clusterOf(environment: string, config: EnvironmentConfig): string {
  return `${config.datacenter.cluster}-${environment}`;
}

/** Megabytes for each Cassandra node. */
export function heapOf({ platform }: EnvironmentConfig): number {
  return platform.kind === 'sandbox' ? platform.heapMb : 384;
}

/** Undefined when the configuration wants no log shipped. */
export function shippingOf(log: EnvironmentConfig['backup']['log']): EnvironmentRecord['shipping'] {
  if (!log.ship) return undefined;
  return {
    intervalMs: Math.max(1, Math.round(milliseconds(log.interval))),
    maximumPinned: bytesOf(log.maximumPinned),
  };
}

type Location = EnvironmentRecord['store'];

function isSameStore(has: Location, wanted: Location, written: EnvironmentConfig['backup']['store']): boolean {
  if (has.kind === 'directory' && written.kind === 'directory' && wanted.kind === 'directory') {
    // A relative path began in the folder in which `sandbox up` was called, which is not known any more.
    const isRelative = written.path !== undefined && !written.path.startsWith('/');
    return isRelative ? basename(has.path) === basename(wanted.path) : has.path === wanted.path;
  }
  return storeText(has) === storeText(wanted);
}

function storeText(store: Location): string {
  if (store.kind === 'directory') return `directory ${store.path}`;
  const { bucket, endpoint = 'AWS', region, encryption, checksums } = store;
  return `s3://${bucket} at ${endpoint} (${region}, encryption ${encryption}, checksums ${checksums})`;
}
