import { isIP } from 'node:net';
import type { Client, ClientOptions, Host, types } from 'cassandra-driver';
import type { RingMember } from '../../model/database-node.ts';
import { rememberSecret } from '../../model/secrets.ts';
import type { CqlRow, Database } from '../../ports/database.ts';
import { answersCql } from './cql-probe.ts';
import { asDatabaseProblem, unreachable } from './database-problem.ts';

export interface CassandraSettings {
  /** `host:port` of some nodes; the first that answers is enough. */
  readonly contactPoints: readonly string[];
  readonly localDatacenter: string;
  readonly username?: string;
  readonly password?: string;
  /** Milliseconds one request may take, 12,000 by default. */
  readonly requestTimeoutMs?: number;
}

const connectTimeoutMs = 4000;
const rowsPerPage = 2000;

/**
 * Cassandra over CQL. Before the first request it neither connects nor loads the driver. Reads and writes at
 * LOCAL_QUORUM.
 */
export function openDatabase(settings: CassandraSettings): Database {
  const where = settings.contactPoints.join(', ');
  if (settings.password !== undefined) rememberSecret(settings.password);
  let connected: Promise<Client> | undefined;
  /** What `connected` came to. */
  let current: Client | undefined;

  async function client(): Promise<Client> {
    connected ??= connect(settings, settings.contactPoints);
    const attempt = connected;
    try {
      current = await attempt;
      return current;
    } catch (error) {
      // A client of the driver that failed to connect never recovers, so the next request makes a new one.
      if (connected === attempt) connected = undefined;
      throw asDatabaseProblem(error, where);
    }
  }

  /**
   * If no node answers, the driver's reconnection attempts pile up and may end the process, so the next request
   * connects again.
   */
  function leave(session: Client): void {
    if (session === current) connected = undefined;
    void session.shutdown().catch(() => undefined);
  }

  async function query(
    cql: string,
    params: readonly unknown[],
    options: { fetchSize: number; pageState?: string },
  ): Promise<types.ResultSet> {
    const session = await client();
    try {
      return await session.execute(cql, [...params], { ...options, prepare: true });
    } catch (error) {
      if (error instanceof Error && error.name === 'NoHostAvailableError') leave(session);
      throw asDatabaseProblem(error, where);
    }
  }

  return {
    async ring() {
      const session = await client();
      const hosts = [...session.hosts.values()].sort((a, b) => Number(b.isUp()) - Number(a.isUp()));
      for (const host of hosts) {
        const ring = await ringFrom(session, host);
        if (ring !== undefined) return ring;
      }
      throw unreachable(where);
    },
    async ringSeenBy(address) {
      const port = portOf(settings.contactPoints[0]);
      const endpoint = joinAddress(address, port);
      // A separate session, so that the answer is the view of this node and of no other.
      const single = await connect(settings, [endpoint], [endpoint]).catch(() => undefined);
      if (single === undefined) return undefined;
      try {
        const host = single.hosts.get(endpoint);
        return host === undefined ? undefined : await ringFrom(single, host);
      } finally {
        await single.shutdown();
      }
    },
    async *rows(cql, params = [], options = {}) {
      const fetchSize = options.fetchSize ?? rowsPerPage;
      let next: Promise<types.ResultSet> | undefined = query(cql, params, { fetchSize });
      while (next !== undefined) {
        const page: types.ResultSet = await next;
        const pageState: string | undefined = page.pageState;
        // The next page is on its way while this one is being worked on.
        next = typeof pageState === 'string' ? query(cql, params, { fetchSize, pageState }) : undefined;
        // A consumer that stops early never awaits it; then its failure does not matter.
        next?.catch(() => undefined);
        yield* plainRows(page);
      }
    },
    async execute(cql, params = []) {
      const found: CqlRow[] = [];
      let page = await query(cql, params, { fetchSize: rowsPerPage });
      found.push(...plainRows(page));
      while (typeof page.pageState === 'string') {
        page = await query(cql, params, { fetchSize: rowsPerPage, pageState: page.pageState });
        found.push(...plainRows(page));
      }
      return found;
    },
    async close() {
      const closing = connected;
      connected = undefined;
      const session = await closing?.catch(() => undefined);
      await session?.shutdown();
    },
  };
}

async function connect(
  settings: CassandraSettings,
  contactPoints: readonly string[],
  only?: readonly string[],
): Promise<Client> {
  const { default: cassandra } = await import('cassandra-driver');
  const { DCAwareRoundRobinPolicy, AllowListPolicy, TokenAwarePolicy } = cassandra.policies.loadBalancing;
  const near = new DCAwareRoundRobinPolicy(settings.localDatacenter);
  const options: ClientOptions = {
    contactPoints: [...contactPoints],
    localDataCenter: settings.localDatacenter,
    policies: {
      loadBalancing: only === undefined ? new TokenAwarePolicy(near) : new AllowListPolicy(near, [...only]),
      reconnection: new cassandra.policies.reconnection.ConstantReconnectionPolicy(1000),
    },
    queryOptions: { consistency: cassandra.types.consistencies.localQuorum, prepare: true },
    socketOptions: { connectTimeout: connectTimeoutMs, readTimeout: settings.requestTimeoutMs ?? 12_000 },
    encoding: { useBigIntAsLong: true, useBigIntAsVarint: true },
    ...(settings.username === undefined
      ? {}
      : { credentials: { username: settings.username, password: settings.password ?? '' } }),
  };
  const client = new cassandra.Client(options);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.shutdown().catch(() => undefined);
    throw error;
  }
}

/**
 * The ring in the system tables of this one host; undefined when it does not answer. A member is up unless the driver
 * knows that it is down or its CQL port does not answer.
 */
async function ringFrom(client: Client, host: Host): Promise<RingMember[] | undefined> {
  const ask = (cql: string) => client.execute(cql, [], { host, prepare: false, fetchSize: 10_000 });
  let local: types.ResultSet;
  let peers: types.ResultSet;
  try {
    [local, peers] = await Promise.all([
      ask(
        'SELECT rpc_address, broadcast_address, rpc_port, host_id, data_center, rack, tokens, schema_version, release_version FROM system.local',
      ),
      ask(
        'SELECT peer, native_address, native_port, host_id, data_center, rack, tokens, schema_version, release_version FROM system.peers_v2',
      ),
    ]);
  } catch {
    return undefined;
  }
  const members = [
    ...[...plainRows(local)].map((row) => ({
      row,
      address: addressOf(row.rpc_address, row.broadcast_address),
      port: Number(row.rpc_port),
    })),
    // A peer without a host id or tokens has only just been announced.
    ...[...plainRows(peers)]
      .filter((row) => row.host_id !== null && row.tokens !== null)
      .map((row) => ({ row, address: addressOf(row.native_address, row.peer), port: Number(row.native_port) })),
  ];
  const ring = await Promise.all(
    members.map(async ({ row, address, port }): Promise<RingMember> => {
      const told = client.hosts.get(joinAddress(address, port))?.isUp() ?? true;
      return {
        address,
        hostId: String(row.host_id),
        datacenter: String(row.data_center),
        rack: String(row.rack),
        up: (await answersCql(address, port, connectTimeoutMs)) && told,
        tokens: Array.isArray(row.tokens) ? row.tokens.map(String) : [],
        schemaVersion: String(row.schema_version),
        releaseVersion: String(row.release_version),
      };
    }),
  );
  return ring.sort((a, b) => a.address.localeCompare(b.address, 'en', { numeric: true }));
}

/** A node that listens on every interface announces 0.0.0.0; then its ring address is used. */
function addressOf(announced: unknown, ringAddress: unknown): string {
  const address = typeof announced === 'string' ? announced : '';
  return address === '' || address === '0.0.0.0' || address === '::' ? String(ringAddress) : address;
}

function portOf(contactPoint: string | undefined): number {
  const port = Number(contactPoint?.slice(contactPoint.lastIndexOf(':') + 1));
  return Number.isInteger(port) && contactPoint?.includes(':') === true ? port : 9042;
}

function joinAddress(address: string, port: number): string {
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

// Type codes of the CQL protocol, version 4, section 4.2.5.2.
const uuidCode = 0x0c;
const timeuuidCode = 0x0f;
const inetCode = 0x10;

function* plainRows(result: types.ResultSet): Generator<CqlRow> {
  const asText = (result.columns ?? [])
    .filter((column) => [uuidCode, timeuuidCode, inetCode].includes(column.type.code))
    .map((column) => column.name);
  for (const row of result.rows ?? []) {
    const plain = row as unknown as Record<string, unknown>;
    for (const name of asText) {
      const value = plain[name];
      if (value !== null && value !== undefined) plain[name] = (value as types.Uuid | types.InetAddress).toString();
    }
    yield plain;
  }
}
