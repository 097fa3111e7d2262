import { Hono } from 'hono';
import { z } from 'zod';
import { asProblem } from '../../src/model/problem.ts';
import type { CassandraProcess } from './cassandra-process.ts';
import type { ManagedCassandra } from './database.ts';
import { quorumLack } from './endpoint-states.ts';
import { type Jobs, nodetool } from './nodetool.ts';

interface Node {
  readonly cassandra: CassandraProcess;
  readonly database: ManagedCassandra;
  readonly jobs: Jobs;
}

/**
 * The part of the management API for Apache Cassandra that cass-operator 1.30 calls, for Cassandra 5.0. It is the lab's: without TLS, and
 * without what only people call. Written from what cass-operator asks and reads.
 */
export function managementApi(node: Node): Hono {
  const api = new Hono();
  api.onError((error, context) => {
    const problem = asProblem(error, `${context.req.method} ${context.req.path}`).toDocument();
    // Not the query: it may hold a password.
    console.error(
      `${context.req.method} ${context.req.path}: ${[problem.happened, ...(problem.details ?? [])].join('\n')}`,
    );
    return context.json(problem, 500);
  });
  probes(api, node);
  lifecycle(api, node);
  operations(api, node);
  longWork(api, node.jobs);
  return api;
}

function probes(api: Hono, { cassandra, database }: Node): void {
  api.get('/api/v0/probes/liveness', (context) => context.text('OK'));
  // Not a query: who may ask is looked up in the ring, and a node is ready also while its neighbours are away.
  api.get('/api/v0/probes/readiness', async (context) => {
    return (await cassandra.takesClients()) ? context.text('OK') : context.text('Cassandra takes no clients', 500);
  });
  api.get('/api/v0/probes/cluster', async (context) => {
    const { rf_per_dc: replicas } = z
      .object({ rf_per_dc: z.coerce.number().int().min(1).default(3) })
      .parse(context.req.query());
    const lack = quorumLack(await database.endpointStates(), replicas);
    return lack === undefined ? context.text('OK') : context.json({ lack }, 500);
  });
  api.get('/api/v0/metadata/endpoints', async (context) => {
    return context.json({ entity: await database.endpointStates() });
  });
  api.get('/api/v0/metadata/versions/features', async (context) => {
    const [row] = await database.rows('SELECT release_version FROM system.local');
    const { release_version } = z.looseObject({ release_version: z.string() }).parse(row);
    return context.json({ cassandra_version: release_version, mgmt_version: 'cardea-lab', features });
  });
}

/** What of the newer calls is here, in cass-operator's words. */
const features = [
  'async_sstable_tasks',
  'async_upgrade_sstable_task',
  'async_compaction_task',
  'async_scrub_task',
  'async_move_task',
  'async_gc_task',
  'async_flush_task',
  'rebuild',
];

function lifecycle(api: Hono, { cassandra, database }: Node): void {
  api.post('/api/v0/lifecycle/start', async (context) => {
    const { replace_ip } = z
      .object({ replace_ip: z.union([z.ipv4(), z.ipv6()]).optional() })
      .parse(context.req.query());
    const outcome = await cassandra.start(replace_ip);
    return context.text('OK', outcome === 'started' ? 201 : 202);
  });
  api.post('/api/v0/lifecycle/stop', async (context) => {
    await database.close();
    await cassandra.stop();
    return context.text('OK');
  });
}

const role = z.object({ username: z.string().min(1), password: z.string().min(1), is_superuser: z.stringbool() });

function operations(api: Hono, { database }: Node): void {
  api.post('/api/v0/ops/auth/role', async (context) => {
    const { username, password, is_superuser: superuser } = role.parse(context.req.query());
    const made = await database.upsertRole({ username, password, superuser });
    if (!made) console.log(`Cassandra needs no login, so there is no role ${username}.`);
    return context.text('OK');
  });
  api.post('/api/v0/ops/node/drain', async (context) => context.text(await nodetool(['drain'])));
  api.post('/api/v0/ops/seeds/reload', async (context) => {
    const said = await nodetool(['reloadseeds']);
    return context.json(said.match(/\/?(\d+\.\d+\.\d+\.\d+)/g) ?? []);
  });
}

const tables = z.object({
  jobs: z.coerce.number().int().min(0).optional(),
  keyspace_name: z.string().regex(/^\w+$/).optional(),
  tables: z.array(z.string().regex(/^\w+$/)).default([]),
});
type Tables = z.infer<typeof tables>;

/** Each answers with the id of a job, and nodetool works on. */
function longWork(api: Hono, jobs: Jobs): void {
  const onTables = (path: string, command: string, flags: (asked: Tables) => readonly string[] = threads) => {
    api.post(path, async (context) => {
      const asked = tables.parse(await context.req.json());
      const where = asked.keyspace_name === undefined ? [] : [asked.keyspace_name, ...asked.tables];
      return context.text(jobs.submit(command, [command, ...flags(asked), ...where]));
    });
  };
  onTables('/api/v1/ops/keyspace/cleanup', 'cleanup');
  onTables('/api/v1/ops/tables/sstables/upgrade', 'upgradesstables');
  onTables('/api/v1/ops/tables/garbagecollect', 'garbagecollect');
  onTables('/api/v1/ops/tables/scrub', 'scrub');
  onTables('/api/v1/ops/tables/flush', 'flush', () => []);
  onTables('/api/v1/ops/tables/compact', 'compact', () => []);
  api.post('/api/v1/ops/node/decommission', (context) => {
    return context.text(jobs.submit('decommission', ['decommission', '--force']));
  });
  api.post('/api/v1/ops/node/rebuild', (context) => {
    const { src_dc } = z.object({ src_dc: z.string().regex(/^[\w.-]+$/) }).parse(context.req.query());
    return context.text(jobs.submit('rebuild', ['rebuild', '--', src_dc]));
  });
  api.post('/api/v0/ops/node/move', (context) => {
    const { newToken } = z.object({ newToken: z.string().regex(/^-?\d+$/) }).parse(context.req.query());
    return context.text(jobs.submit('move', ['move', '--', newToken]));
  });
  api.get('/api/v0/ops/executor/job', (context) => {
    const job = jobs.find(context.req.query('job_id') ?? '');
    return job === undefined ? context.json({}, 404) : context.json(job);
  });
}

function threads({ jobs }: Tables): readonly string[] {
  return jobs === undefined ? [] : ['--jobs', String(jobs)];
}
