import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { CassandraProcess } from './cassandra-process.ts';
import { ManagedCassandra } from './database.ts';
import { managementApi } from './management-api.ts';
import { Jobs } from './nodetool.ts';
import { places, ports } from './places.ts';
import { serverConfiguration } from './server-configuration.ts';

// The entrypoint of the lab's Cassandra image: `config build` in cass-operator's init container, the management API in the pod.
if (process.argv[2] === 'config') buildConfiguration();
else serveManagementApi();

function buildConfiguration(): void {
  const variable = (name: string) => process.env[name] ?? '';
  const base = (name: string) => readFileSync(join(places.baseConfiguration, name), 'utf8');
  const { files, unknown } = serverConfiguration(
    {
      configuration: variable('CONFIG_FILE_DATA'),
      podAddress: variable('POD_IP'),
      hostAddress: variable('HOST_IP'),
      rack: variable('RACK_NAME'),
      broadcastHostAddress: variable('USE_HOST_IP_FOR_BROADCAST') === 'true',
    },
    base('cassandra.yaml'),
  );
  if (unknown.length > 0)
    console.error(`The config builder of the lab left out settings that it does not know: ${unknown.join(', ')}`);
  mkdirSync(places.configuration, { recursive: true });
  for (const [name, content] of Object.entries({ ...files, 'logback.xml': base('logback.xml') })) {
    writeFileSync(join(places.configuration, name), content);
  }
}

function serveManagementApi(): void {
  const database = new ManagedCassandra();
  const cassandra = new CassandraProcess((how) => {
    // cass-operator sees a container that ended, and makes the pod anew.
    console.error(how);
    process.exit(1);
  });
  const api = managementApi({ cassandra, database, jobs: new Jobs() });
  const server = serve({ fetch: api.fetch, port: ports.managementApi, hostname: '0.0.0.0' });
  const end = async () => {
    server.close();
    await database.close();
    await cassandra.stop();
    process.exit(0);
  };
  process.once('SIGTERM', () => void end());
  process.once('SIGINT', () => void end());
}
