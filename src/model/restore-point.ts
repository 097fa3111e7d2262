import { z } from 'zod';
import { documentType } from './document.ts';
import { pointId, runId, timelineId } from './identifiers.ts';
import { instantText } from './instant.ts';
import { keyspaceFolder, placeName, ringToken, safeName, tableFile, tableFolder } from './safe-name.ts';

/**
 * How far a restore point has been proved. `taken`: Medusa says it is there. `checked`: what each node's snapshot held was found in the
 * store and the new bytes were read back equal. `proven`: it was restored beside the live cluster, opened by a real JanusGraph and its
 * graph checks passed. `failed`: a check found it wanting; kept for the record, never chosen for a restore.
 */
export const proof = z.enum(['taken', 'checked', 'proven', 'failed']);
export type Proof = z.infer<typeof proof>;

/**
 * `quiesced`: no writes while it was taken. `fuzzy`: taken under load, and never `proven` alone; the rehearsal that proves it together with
 * its log makes it an `instant`: base and log up to one instant.
 */
export const cut = z.enum(['quiesced', 'instant', 'fuzzy']);

/** Counts per label and an order-independent hash over every vertex, edge and property of the graph. */
export const fingerprint = z.object({
  vertices: z.number().int().nonnegative(),
  edges: z.number().int().nonnegative(),
  properties: z.number().int().nonnegative(),
  vertexLabels: z.record(z.string(), z.number().int().nonnegative()),
  edgeLabels: z.record(z.string(), z.number().int().nonnegative()),
  propertyKeys: z.record(z.string(), z.number().int().nonnegative()),
  /** 64 hex digits: the sum modulo 2^256 of SHA-256 over each element's canonical form. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Fingerprint = z.infer<typeof fingerprint>;

/** What a check found in the graph of a point, at a moment when nobody changed it: what it comes back to has these, too. */
export const pointFindings = z.object({
  /** False when the graph could not be checked, because no server answered; then nothing was recorded. */
  checked: z.boolean(),
  count: z.number().int().nonnegative(),
  /** Of these: not there at the backup before, and accepted by nobody. */
  fresh: z.number().int().nonnegative(),
  kinds: z.record(z.string(), z.number().int().positive()),
  /** Why it was not checked. */
  why: z.string().optional(),
});
export type PointFindings = z.infer<typeof pointFindings>;

export const nodeBackup = z.object({
  /** Medusa's name of the node, its folder below `medusa/`. */
  node: safeName,
  hostId: z.string(),
  /** Tokens in ring order, decimal, as cassandra.yaml's `initial_token` wants them. */
  tokens: z.array(ringToken),
  datacenter: placeName,
  rack: placeName,
  /** Bytes and files that the snapshot held. */
  bytes: z.number().int().nonnegative(),
  files: z.number().int().nonnegative(),
  /** Bytes that were not in the store before this backup. */
  newBytes: z.number().int().nonnegative(),
  /** Object key of the inventory: every table and file of the snapshot with its size and SHA-256. */
  inventory: z.string(),
});

export const restorePointDocument = documentType(
  'restore-point',
  1,
  {
    id: pointId,
    environment: z.string(),
    timeline: timelineId,
    run: runId,
    takenAt: z.iso.datetime(),
    /**
     * The cut lies between these: `from` before the first node's snapshot began, `to` after the last one's had ended, each by its node's clock.
     * Points of before Cardea shipped logs have none.
     */
    snapshot: z.object({ from: instantText, to: instantText }).optional(),
    mode: z.enum(['full', 'differential']),
    cut,
    /** Of a point whose cut is `instant`: what it comes back to, with the log that follows its snapshots. */
    instant: instantText.optional(),
    /**
     * Of such a point: the history that `instant` is of. An environment that was restored since has several, and the same instant is another
     * graph in each. Points proved before this was recorded have none: they are taken to be of `timeline`, with nothing left out.
     */
    instantHistory: z.object({ timeline: timelineId, exclusions: z.array(instantText) }).optional(),
    proof,
    nodes: z.array(nodeBackup),
    bytes: z.number().int().nonnegative(),
    newBytes: z.number().int().nonnegative(),
    cassandraVersion: z.string(),
    schemaVersion: z.string(),
    keyspace: keyspaceFolder,
    replicationFactor: z.number().int().positive(),
    fingerprint: fingerprint.optional(),
    /** Of a quiesced point, and of an instant that was proved; one by one in `findings/<point>.json`. */
    findings: pointFindings.optional(),
    /** How the graph's servers timed their transactions; absent when none could be asked. */
    commitTimes: z.object({ assigned: z.boolean(), unit: z.string() }).optional(),
    /** Seconds from the start of the snapshot to `taken`, and what the check took on top. */
    seconds: z.object({ taken: z.number(), checked: z.number().optional() }),
    checkedAt: z.iso.datetime().optional(),
    /** When its backup read again what was due of what older points hold: see `rereadTurn`. */
    rereadAt: z.iso.datetime().optional(),
    proven: z
      .object({
        at: z.iso.datetime(),
        run: runId,
        /** Measured in the rehearsal: bytes restored, databases started, graph opened, checks passed. */
        seconds: z.object({ restore: z.number(), start: z.number(), open: z.number(), check: z.number() }),
      })
      .optional(),
    /** Why it is `failed`. */
    failure: z.string().optional(),
  },
  { sealed: true },
);
export type RestorePoint = z.infer<typeof restorePointDocument.body>;

/**
 * Milliseconds: when its snapshots had ended by the nodes' clocks. What is old and what is newer goes by these: the clock
 * of the machine that ran the backup, which names the point, may be wrong. Older points know no other.
 */
export function snapshotEnd({ snapshot, takenAt }: Pick<RestorePoint, 'snapshot' | 'takenAt'>): number {
  return Date.parse(snapshot?.to ?? takenAt);
}

/** Of two points the one with the newer data comes first. */
export function newestFirst(a: RestorePoint, b: RestorePoint): number {
  return snapshotEnd(b) - snapshotEnd(a) || (a.id < b.id ? 1 : -1);
}

const removalBegins = 'it was being removed by ';

/** The `failure` of a point whose files are being removed by the run. */
export function removalOf(run: string, why: string): string {
  return `${removalBegins}${run}, because it is ${why}`;
}

/** Whether its removal has begun: some of its files may be gone, and what is left will follow. */
export function isBeingRemoved({ proof: proved, failure }: Pick<RestorePoint, 'proof' | 'failure'>): boolean {
  return proved === 'failed' && failure?.startsWith(removalBegins) === true;
}

/** Object key of a restore point: at the root of the bucket, and nothing else is there. */
export function restorePointKey(id: string): string {
  return `${id}.json`;
}

export const inventoryDocument = documentType(
  'inventory',
  1,
  {
    point: pointId,
    node: z.string(),
    tables: z.array(
      z.object({
        keyspace: keyspaceFolder,
        /** Table folder as on disk: name, dash, table id without dashes. */
        table: tableFolder,
        files: z.array(z.object({ path: tableFile, bytes: z.number().int().nonnegative(), sha256: z.string() })),
      }),
    ),
  },
  { sealed: true },
);
export type Inventory = z.infer<typeof inventoryDocument.body>;

export function inventoryKey(point: string, node: string): string {
  return `${inventoriesOf(point)}${node}.json`;
}

/** Prefix of the keys of a point's inventories. */
export function inventoriesOf(point: string): string {
  return `inventories/${point}/`;
}
