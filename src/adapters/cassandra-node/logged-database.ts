import type { Client } from 'cassandra-driver';
import { RetryableProblem } from '../../model/problem.ts';
import type { LoggedDatabase, StreamSeen } from '../../ports/logged-database.ts';
import { readLoggedSchema } from './logged-schema.ts';

const timeoutMs = 5000;

/** The Cassandra of one node over CQL: one session, opened at the first request and closed when it fails. */
export function openLoggedDatabase({
  address,
  port,
}: {
  readonly address: string;
  readonly port: number;
}): LoggedDatabase {
  let session: Promise<Client> | undefined;
  let streamsKnown = true;

  const ask = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    session ??= connect(`${address}:${port}`);
    const current = session;
    try {
      return await work(await current);
    } catch (cause) {
      // The driver's own reconnection attempts pile up while no node answers.
      if (session === current) session = undefined;
      void current.then(async (client) => client.shutdown()).catch(() => undefined);
      throw unreachable(`${address}:${port}`, cause);
    }
  };

  const streams = async (client: Client): Promise<readonly StreamSeen[]> => {
    if (!streamsKnown) return [];
    try {
      return (await client.execute(streamsQuery)).rows.flatMap(streamOf);
    } catch (thrown) {
      // Cassandra before 4.1 has no such table.
      if (!isInvalidQuery(thrown)) throw thrown;
      streamsKnown = false;
      return [];
    }
  };

  return {
    glance: async () =>
      ask(async (client) => {
        const [local, seen] = await Promise.all([client.execute(localQuery), streams(client)]);
        const row = local.first();
        return {
          hostId: String(row.host_id),
          schemaVersion: String(row.schema_version),
          tokens: textsOf(row.tokens).sort(),
          truncated: truncations(row.truncated_at),
          streams: seen,
        };
      }),
    schema: async () => ask(readLoggedSchema),
    async close() {
      const closing = session;
      session = undefined;
      await closing?.then(async (client) => client.shutdown()).catch(() => undefined);
    },
  };
}

const localQuery = "SELECT host_id, schema_version, tokens, truncated_at FROM system.local WHERE key = 'local'";
const streamsQuery =
  'SELECT id, operation, status, last_updated_at, duration_millis, files_to_receive, files_received FROM system_views.streaming';

async function connect(endpoint: string): Promise<Client> {
  const { default: driver } = await import('cassandra-driver');
  const { AllowListPolicy, RoundRobinPolicy } = driver.policies.loadBalancing;
  const client = new driver.Client({
    contactPoints: [endpoint],
    policies: { loadBalancing: new AllowListPolicy(new RoundRobinPolicy(), [endpoint]) },
    pooling: { coreConnectionsPerHost: { 0: 1 } },
    socketOptions: { connectTimeout: timeoutMs, readTimeout: timeoutMs },
    // The driver would keep a copy of every table's description.
    isMetadataSyncEnabled: false,
    queryOptions: { consistency: driver.types.consistencies.one, fetchSize: 10_000 },
  });
  try {
    await client.connect();
    return client;
  } catch (thrown) {
    await client.shutdown().catch(() => undefined);
    throw thrown;
  }
}

/** A map of table id to a blob: segment id (8 bytes), offset (4), milliseconds (8). */
function truncations(value: unknown): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  if (typeof value !== 'object' || value === null) return found;
  for (const [id, blob] of Object.entries(value)) {
    if (Buffer.isBuffer(blob) && blob.length >= 20) found.set(id, Number(blob.readBigInt64BE(12)));
  }
  return found;
}

function streamOf(row: Readonly<Record<string, unknown>>): readonly StreamSeen[] {
  const operation = String(row.operation);
  const receives = Number(row.files_to_receive ?? 0) + Number(row.files_received ?? 0) > 0;
  // The data that a repair streams in is in the logs of the replicas that it comes from.
  if (!receives || operation === 'Repair') return [];
  const updatedAt = row.last_updated_at instanceof Date ? row.last_updated_at.getTime() : 0;
  const startedAt = updatedAt - Number(row.duration_millis ?? 0);
  const ended = row.status === 'success' || row.status === 'failure';
  return [{ id: String(row.id), operation, startedAt, updatedAt, ended }];
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** Error code 0x2200 of the CQL protocol. */
function isInvalidQuery(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 0x2200;
}

function unreachable(where: string, cause: unknown): RetryableProblem {
  return new RetryableProblem({
    code: 'database-unreachable',
    happened: `Cassandra at ${where} does not answer the agent: ${cause instanceof Error ? cause.message : String(cause)}`,
    state: 'Nothing was changed.',
    next: 'Check that the node is up (`nodetool status`).',
    cause,
  });
}
