import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { documentType } from '../src/model/document.ts';
import { writeWhole } from '../src/host/write-whole.ts';
import type { LabPlaces } from './folders.ts';

const document = documentType('lab', 1, {
  /** Checkout that brought the lab up, and so holds it. */
  checkout: z.string(),
  createdAt: z.iso.datetime(),
  /** Loopback address at which the host reaches the lab. */
  hostAddress: z.string(),
  versions: z.object({
    etcd: z.string(),
    containerd: z.string(),
    git: z.string(),
    prometheus: z.string(),
    alertmanager: z.string(),
  }),
  /** Path of the S3 server's program. */
  s3Server: z.string(),
  /** True once every part of it was ready. */
  complete: z.boolean(),
});

/** The one lab of this machine. */
export type LabRecord = z.infer<typeof document.body>;

export function readLabRecord(places: LabPlaces): LabRecord | undefined {
  return existsSync(places.record) ? document.read(readFileSync(places.record), places.record) : undefined;
}

/** Written whole or not at all. */
export function writeLabRecord(places: LabPlaces, record: LabRecord): void {
  writeWhole(places.record, document.write(record));
}
