import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../../host/write-whole.ts';
import { storeLocation } from '../../model/agent-config.ts';
import { documentType } from '../../model/document.ts';

/**
 * What an environment of the sandbox is: decided once when it is first brought up, the same until it is taken down. Only the heap, the
 * bandwidth and the shipping follow a configuration that was changed since, at a later `sandbox up`.
 */
export const environmentDocument = documentType('sandbox-environment', 1, {
  name: z.string(),
  /** Name of the project in the configuration; records of before it was written have none. */
  project: z.string().optional(),
  createdAt: z.iso.datetime(),
  /** First three parts of its loopback /24. */
  network: z.string(),
  cluster: z.string(),
  datacenter: z.string(),
  heapMb: z.number().int(),
  nodes: z
    .array(z.object({ name: z.string(), rack: z.string(), address: z.string(), tokens: z.array(z.string()).min(1) }))
    .min(1),
  graph: z.object({
    address: z.string(),
    keyspace: z.string(),
    index: z.string(),
    replicationFactor: z.number().int(),
  }),
  store: storeLocation,
  /** The environment runs the S3 server of its store itself. */
  ownStoreServer: z.boolean().default(false),
  /** Bandwidth of Medusa, megabytes per second; 0 is no limit. */
  bandwidth: z.number().nonnegative(),
  /** How the commit log is shipped; absent when it is not. */
  shipping: z
    .object({ intervalMs: z.number().int().positive(), maximumPinned: z.number().int().positive() })
    .optional(),
  /** What options of `sandbox up` decided instead of the configuration; records of before this was written do not say. */
  chosen: z.object({ nodes: z.boolean(), store: z.boolean() }).optional(),
  /** For an environment made beside another one from its backup. */
  copy: z
    .object({
      of: z.string(),
      purpose: z.enum(['rehearsal', 'restore']),
      /** That made it; records of before this was written do not say. */
      run: z.string().optional(),
    })
    .optional(),
});
export type EnvironmentRecord = Omit<z.infer<typeof environmentDocument.schema>, 'kind' | 'version'>;
export type NodeRecord = EnvironmentRecord['nodes'][number];

export function readRecord(directory: string): EnvironmentRecord | undefined {
  const file = recordFile(directory);
  return existsSync(file) ? environmentDocument.read(readFileSync(file), file) : undefined;
}

/** Written atomically: the environment does not exist before this record exists. */
export function writeRecord(directory: string, record: EnvironmentRecord): void {
  writeWhole(recordFile(directory), environmentDocument.write(record));
}

/** Folders below `home` that hold an environment. */
export function listRecords(home: string): readonly string[] {
  if (!existsSync(home)) return [];
  return readdirSync(home)
    .filter((name) => existsSync(recordFile(join(home, name))))
    .sort();
}

function recordFile(directory: string): string {
  return join(directory, 'environment.json');
}
