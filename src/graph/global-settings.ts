import { RefusedProblem } from '../model/problem.ts';
import type { Database } from '../ports/database.ts';
import { readTagged, type Attribute } from './codec/attribute.ts';
import { ByteReader } from './codec/byte-reader.ts';

/** Settings that JanusGraph keeps in the database for all its instances, as far as they decide how rows are to be read. */
export interface GlobalSettings {
  /** `cluster.max-partitions`. */
  readonly partitions: number;
  /** `ids.authority.conflict-avoidance-tag-bits`: bits of every count that hold the claiming instance's tag. */
  readonly tagBits: number;
  /** `ids.block-size`. */
  readonly blockSize: number;
  readonly customVertexIds: boolean;
  /** Instances that are registered as open. */
  readonly instances: readonly string[];
}

const defaultPartitions = 32;
const defaultTagBits = 4;
const defaultBlockSize = 10_000;
const registration = /^system-registration\.(.+)\.startup-time$/;

/** Throws RefusedProblem `graph-form-unsupported` when the graph uses a form of rows that is not known here. */
export async function readGlobalSettings(database: Database, keyspace: string): Promise<GlobalSettings> {
  const values = await settingsIn(database, keyspace);
  if (values.size === 0) throw unsupported(`keyspace "${keyspace}" holds no JanusGraph settings`);
  if (booleanOf(values.get('graph.allow-custom-vid-types'))) {
    throw unsupported('it allows text as vertex ids (graph.allow-custom-vid-types)');
  }
  return {
    partitions: numberOf(values.get('cluster.max-partitions')) ?? defaultPartitions,
    tagBits: numberOf(values.get('ids.authority.conflict-avoidance-tag-bits')) ?? defaultTagBits,
    blockSize: numberOf(values.get('ids.block-size')) ?? defaultBlockSize,
    customVertexIds: booleanOf(values.get('graph.set-vertex-id')),
    instances: [...values.keys()].flatMap((name) => registration.exec(name)?.[1] ?? []).sort(),
  };
}

/** Key of the row that holds all of them. */
export const settingsKey: Buffer = Buffer.from('configuration');

/** Column of an instance's registration. */
export function registrationColumn(instance: string): Buffer {
  return Buffer.from(`system-registration.${instance}.startup-time`);
}

async function settingsIn(database: Database, keyspace: string): Promise<Map<string, Attribute>> {
  const values = new Map<string, Attribute>();
  const query = `SELECT column1, value FROM "${keyspace}".system_properties WHERE key = ?`;
  for await (const row of database.rows(query, [settingsKey])) {
    const value = readTagged(new ByteReader(row.value as Buffer));
    if (value !== undefined) values.set((row.column1 as Buffer).toString('utf8'), value);
  }
  return values;
}

function numberOf(setting: Attribute | undefined): number | undefined {
  return typeof setting?.value === 'number' || typeof setting?.value === 'bigint' ? Number(setting.value) : undefined;
}

function booleanOf(setting: Attribute | undefined): boolean {
  return setting?.value === true;
}

function unsupported(why: string): RefusedProblem {
  return new RefusedProblem({
    code: 'graph-form-unsupported',
    happened: `The graph cannot be checked row by row: ${why}.`,
    state: 'Nothing was changed.',
    next: 'Check that the environment names the right keyspace, and that the graph uses only settings that the documentation lists as supported.',
  });
}
