import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { auth, Client, policies } from 'cassandra-driver';
import { z } from 'zod';
import { type EndpointState, endpointStates, silentNodes } from './endpoint-states.ts';
import { places, ports } from './places.ts';

/**
 * Cassandra's own first superuser, with the password that everyone knows. The lab keeps it: the real management API has an agent inside
 * of Cassandra and needs no role. So nobody but the lab's own pods may reach a database made from this image.
 */
const firstSuperuser = { username: 'cassandra', password: 'cassandra' };

const serverYaml = z.looseObject({
  authenticator: z.union([z.string(), z.looseObject({ class_name: z.string() })]).default(''),
  broadcast_rpc_address: z.string(),
});

const selfRow = z.looseObject({ broadcast_address: z.unknown().transform(String) });

/** Gossip counts on every second; a busy machine is late. */
const heartbeatsWithinMs = 5000;

/** This pod's Cassandra by CQL. One connection, made when it is needed and again when it broke. */
export class ManagedCassandra {
  #client: Promise<Client> | undefined;

  async rows(query: string): Promise<readonly unknown[]> {
    const client = await this.#connected();
    return (await client.execute(query)).rows;
  }

  /** With more than one node it takes a second or two, and five while one is silent. */
  async endpointStates(): Promise<readonly EndpointState[]> {
    const gossip = () => this.rows('SELECT * FROM system_views.gossip_info');
    const [self] = await this.rows('SELECT broadcast_address FROM system.local');
    const { broadcast_address: local } = selfRow.parse(self);
    const first = await gossip();
    let now = first;
    const until = Date.now() + heartbeatsWithinMs;
    while (silentNodes(first, now, local).size > 0 && Date.now() < until) {
      await setTimeout(500);
      now = await gossip();
    }
    return endpointStates(now, { local, silent: silentNodes(first, now, local) });
  }

  /** False when Cassandra lets in everyone: then there are no roles. */
  async upsertRole(role: {
    readonly username: string;
    readonly password: string;
    readonly superuser: boolean;
  }): Promise<boolean> {
    if (!usesPasswords(await serverSettings())) return false;
    const options = `PASSWORD = ${literal(role.password)} AND LOGIN = true AND SUPERUSER = ${role.superuser}`;
    const name = literal(role.username);
    await this.rows(`CREATE ROLE IF NOT EXISTS ${name} WITH ${options}`);
    await this.rows(`ALTER ROLE ${name} WITH ${options}`);
    return true;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.then(
      (each) => each.shutdown(),
      () => undefined,
    );
  }

  async #connected(): Promise<Client> {
    const connecting = (this.#client ??= connect());
    try {
      return await connecting;
    } catch (error) {
      if (this.#client === connecting) this.#client = undefined;
      throw error;
    }
  }
}

async function connect(): Promise<Client> {
  const settings = await serverSettings();
  const { username, password } = firstSuperuser;
  // Only this pod's own node: what it answers is about itself. Once connected the driver knows it by the address that it tells to clients.
  const self = ['127.0.0.1', settings.broadcast_rpc_address].map((address) => `${address}:${ports.cql}`);
  const { AllowListPolicy, RoundRobinPolicy } = policies.loadBalancing;
  const client = new Client({
    contactPoints: self.slice(0, 1),
    policies: {
      loadBalancing: new AllowListPolicy(new RoundRobinPolicy(), self),
      reconnection: new policies.reconnection.ConstantReconnectionPolicy(1000),
    },
    protocolOptions: { maxVersion: 4 },
    socketOptions: { connectTimeout: 5000, readTimeout: 20_000 },
    ...(usesPasswords(settings) ? { authProvider: new auth.PlainTextAuthProvider(username, password) } : {}),
  });
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.shutdown();
    throw error;
  }
}

type ServerSettings = z.infer<typeof serverYaml>;

/** The config builder writes JSON, which is YAML. */
async function serverSettings(): Promise<ServerSettings> {
  return serverYaml.parse(JSON.parse(await readFile(join(places.configuration, 'cassandra.yaml'), 'utf8')));
}

function usesPasswords({ authenticator }: ServerSettings): boolean {
  return (typeof authenticator === 'string' ? authenticator : authenticator.class_name).includes('Password');
}

/** A string of CQL. */
function literal(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
