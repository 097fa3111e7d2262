import { RefusedProblem } from '../model/problem.ts';
import type { Database } from '../ports/database.ts';
import { readTagged, type Attribute } from './codec/attribute.ts';
import { ByteReader, UndecodableRow } from './codec/byte-reader.ts';
import { idTable } from './graph-tables.ts';

/** Settings that JanusGraph keeps in the database for all its instances, as far as they decide how rows are to be read. */
export interface GlobalSettings {
  /** `cluster.max-partitions`. */
  readonly partitions: number;
  /** `ids.authority.conflict-avoidance-tag-bits`: bits of every count that hold the claiming instance's tag. */
  readonly tagBits: number;
  /** `ids.block-size`. */
  readonly blockSize: number;
  readonly customVertexIds: boolean;
  /** `graph.allow-custom-vid-types`: vertices may have ids of text. */
  readonly textVertexIds: boolean;
  /** `ids.store-name`: the table in which ids are claimed. */
  readonly idStore: string;
  /** Instances that are registered as open. */
  readonly instances: readonly string[];
}

const defaultPartitions = 32;
const defaultTagBits = 4;
const defaultBlockSize = 10_000;
const registration = /^system-registration\.(.+)\.startup-time$/;

/** Throws RefusedProblem `graph-missing` when there are none. */
export async function readGlobalSettings(database: Database, keyspace: string): Promise<GlobalSettings> {
  const found = await findGlobalSettings(database, keyspace);
  if (found === undefined) throw noGraph(keyspace);
  return found;
}

/** Undefined when there are none: JanusGraph was never started on this keyspace. */
export async function findGlobalSettings(database: Database, keyspace: string): Promise<GlobalSettings | undefined> {
  const values = await settingsIn(database, keyspace);
  return values.size === 0 ? undefined : settingsOf(values);
}

/** What JanusGraph writes when it starts for the first time and is told nothing. */
export const firstSettings: GlobalSettings = settingsOf(new Map());

function settingsOf(values: ReadonlyMap<string, Attribute>): GlobalSettings {
  return {
    partitions: numberOf(values.get('cluster.max-partitions')) ?? defaultPartitions,
    tagBits: numberOf(values.get('ids.authority.conflict-avoidance-tag-bits')) ?? defaultTagBits,
    blockSize: numberOf(values.get('ids.block-size')) ?? defaultBlockSize,
    customVertexIds: booleanOf(values.get('graph.set-vertex-id')),
    textVertexIds: booleanOf(values.get('graph.allow-custom-vid-types')),
    idStore: textOf(values.get('ids.store-name')) ?? idTable,
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
    const name = (row.column1 as Buffer).toString('utf8');
    try {
      const value = readTagged(new ByteReader(row.value as Buffer));
      if (value !== undefined) values.set(name, value);
    } catch (error) {
      // A setting that decides nothing here may be of any form.
      if (!(error instanceof UndecodableRow) || decisive.has(name)) throw error;
    }
  }
  return values;
}

/** Settings without which no row can be read. */
const decisive: ReadonlySet<string> = new Set([
  'cluster.max-partitions',
  'ids.authority.conflict-avoidance-tag-bits',
  'ids.block-size',
  'graph.set-vertex-id',
  'graph.allow-custom-vid-types',
  'ids.store-name',
]);

function numberOf(setting: Attribute | undefined): number | undefined {
  return typeof setting?.value === 'number' || typeof setting?.value === 'bigint' ? Number(setting.value) : undefined;
}

function textOf(setting: Attribute | undefined): string | undefined {
  return typeof setting?.value === 'string' ? setting.value : undefined;
}

function booleanOf(setting: Attribute | undefined): boolean {
  return setting?.value === true;
}

/** Throws RefusedProblem `graph-form-unsupported`: what such a graph holds can be stored, but neither checked nor restored soundly. */
export function requireSupportedForm({ textVertexIds }: Pick<GlobalSettings, 'textVertexIds'>): void {
  if (!textVertexIds) return;
  throw new RefusedProblem({
    code: 'graph-form-unsupported',
    happened:
      'The graph allows text as vertex ids (graph.allow-custom-vid-types). Such a graph can be neither checked nor restored soundly by Cardea.',
    state: 'Nothing was changed.',
    next: 'Back up this graph by other means. If all its vertices have numbers as ids, switch the setting off in JanusGraph, then start again.',
  });
}

export function noGraph(keyspace: string): RefusedProblem {
  return new RefusedProblem({
    code: 'graph-missing',
    happened: `The keyspace "${keyspace}" holds no JanusGraph settings, so that no graph can be read in it.`,
    state: 'Nothing was changed.',
    next: 'Check that the environment names the right keyspace, and that JanusGraph was started on it once.',
  });
}
