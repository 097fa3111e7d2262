import { z } from 'zod';
import { bucketId } from '../model/bucket-identity.ts';
import { pointId, timelineId } from '../model/identifiers.ts';
import { instantText } from '../model/instant.ts';
import { leaseEpoch } from '../model/lease-epoch.ts';
import { tracedProblem } from '../model/problem.ts';
import { progress } from '../model/progress.ts';
import { ringToken, safeName } from '../model/safe-name.ts';
import type { JobKind, JobParams, JobResult } from './node-agent.ts';

/**
 * What travels between an agent and its client, as JSON over HTTP:
 *
 *   GET  /v1/health
 *   GET  /v1/disk
 *   POST /v1/jobs                                  startRequest → jobAnswer
 *   GET  /v1/jobs/<id>?wait=MS                     jobAnswer, at the latest after that time
 *   GET  /v1/jobs?run=&step=&kind=                 jobAnswer of the newest such job
 *   POST /v1/bucket                                bindRequest → bindAnswer
 *
 * A refusal is a problem document with status 4xx; an unknown job is 404. A problem that a fault caused carries its `trace`, which older
 * agents do not send and older clients do not read.
 */
const count = z.number().int().nonnegative();
const tokenRanges = z.array(z.tuple([ringToken, ringToken]));
const hash = z.string().regex(/^[0-9a-f]{64}$/);
/** Id of a commit log segment, decimal. */
const segmentId = z
  .string()
  .regex(/^\d{1,19}$/)
  .nullable();

/** Where a node's roles and passwords came from; `why` those of the point had to be taken. */
export const rolesOrigin = z.discriminatedUnion('from', [
  z.object({ from: z.literal('living') }),
  z.object({ from: z.literal('point'), why: z.string() }),
]);
const cutOutcome = z.object({ mutations: count, cut: count, dropped: count, bytes: count, lastSegment: segmentId });

const filesToPlace = z
  .strictObject({
    point: pointId,
    source: safeName,
    inPlace: z.boolean(),
    inventorySha256: hash.optional(),
    rolesOf: safeName.optional(),
  })
  .transform(({ inventorySha256, rolesOf, ...rest }) => ({
    ...rest,
    ...(inventorySha256 === undefined ? {} : { inventorySha256 }),
    ...(rolesOf === undefined ? {} : { rolesOf }),
  }));
const logsToPlace = z
  .strictObject({
    plan: safeName,
    sha256: hash,
    extension: hash.optional(),
    ranges: tokenRanges.optional(),
    bytes: count.optional(),
    afterDrain: z.boolean().optional(),
  })
  .transform(({ plan, sha256, extension, ranges, bytes, afterDrain }) => ({
    plan,
    sha256,
    ...(extension === undefined ? {} : { extension }),
    ...(ranges === undefined ? {} : { ranges }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(afterDrain === undefined ? {} : { afterDrain }),
  }));

export const jobParams = {
  snapshot: z.strictObject({ point: pointId }),
  upload: z.strictObject({ point: pointId, mode: z.enum(['full', 'differential']) }),
  verify: z.strictObject({ point: pointId, knownPoints: z.array(pointId) }),
  reread: z.strictObject({
    own: pointId,
    points: z.array(pointId),
    turn: z.strictObject({ after: z.int(), until: z.int(), of: z.int().positive() }),
  }),
  'clear-snapshot': z.strictObject({ point: pointId }),
  'delete-backup': z.strictObject({ point: pointId }),
  'stage-files': z
    .strictObject({ point: pointId, source: safeName, inPlace: z.boolean(), inventorySha256: hash.optional() })
    .transform(({ inventorySha256, ...rest }) => ({
      ...rest,
      ...(inventorySha256 === undefined ? {} : { inventorySha256 }),
    })),
  'stage-logs': z
    .strictObject({ plan: safeName, sha256: hash, ranges: tokenRanges.optional(), bytes: count.optional() })
    .transform(({ plan, sha256, ranges, bytes }) => ({
      plan,
      sha256,
      ...(ranges === undefined ? {} : { ranges }),
      ...(bytes === undefined ? {} : { bytes }),
    })),
  'clear-stage': z
    .strictObject({ keepPoint: pointId.optional() })
    .transform(({ keepPoint }) => (keepPoint === undefined ? {} : { keepPoint })),
  'check-aside': z.strictObject({}),
  'look-aside': z
    .strictObject({ run: safeName, mark: safeName.optional() })
    .transform(({ run, mark }) => ({ run, ...(mark === undefined ? {} : { mark }) })),
  'mark-disk': z.strictObject({ run: safeName, keep: z.array(safeName) }),
  'look-replayed': z.strictObject({}),
  'look-placed': z
    .strictObject({ files: filesToPlace, logs: logsToPlace.optional() })
    .transform(({ files, logs }) => ({ files, ...(logs === undefined ? {} : { logs }) })),
  'set-aside': z.strictObject({ run: safeName }),
  'restore-files': filesToPlace,
  'repair-roles': z.strictObject({}),
  'place-logs': logsToPlace,
  'note-drained': z.strictObject({ run: safeName, ranAt: z.iso.datetime() }),
  'pause-shipping': z.strictObject({}),
  'start-shipping': z
    .strictObject({ timeline: timelineId, after: segmentId.optional() })
    .transform(({ timeline, after }) => ({ timeline, ...(after === undefined ? {} : { after }) })),
  'accept-aside': z
    .strictObject({ run: safeName, givenUp: z.boolean().optional() })
    .transform(({ run, givenUp }) => ({ run, ...(givenUp === undefined ? {} : { givenUp }) })),
  'revert-aside': z
    .strictObject({
      run: safeName,
      mayBeAbsent: z.boolean().optional(),
      mark: safeName.optional(),
      whole: z.boolean().optional(),
    })
    .transform(({ run, mayBeAbsent, mark, whole }) => ({
      run,
      ...(mayBeAbsent === undefined ? {} : { mayBeAbsent }),
      ...(mark === undefined ? {} : { mark }),
      ...(whole === undefined ? {} : { whole }),
    })),
} satisfies { [K in JobKind]: z.ZodType<JobParams[K]> };

export const jobResults = {
  snapshot: z.object({
    files: count,
    bytes: count,
    inventory: z.string(),
    tables: z.array(z.string()),
    from: instantText,
    to: instantText,
  }),
  upload: z.object({ files: count, bytes: count, mode: z.enum(['full', 'differential']) }),
  verify: z.object({ files: count, bytes: count, newBytes: count, inventorySha256: hash.optional() }),
  reread: z.object({
    files: count,
    bytes: count,
    damaged: z.array(z.object({ point: pointId, what: z.string() })),
    mended: count,
  }),
  'clear-snapshot': z.object({ cleared: z.boolean() }),
  'delete-backup': z.object({ deleted: z.boolean() }),
  'stage-files': z.object({ files: count, bytes: count }),
  'stage-logs': cutOutcome,
  'clear-stage': z.object({}),
  'check-aside': z.object({ aside: z.array(safeName).optional() }),
  'look-aside': z.object({
    phase: z.enum(['setting-aside', 'kept', 'accepting', 'reverting']).nullable(),
    itself: z.boolean(),
    marked: z.boolean(),
    whole: z.boolean().optional(),
  }),
  'mark-disk': z.object({}),
  'look-replayed': z.object({ left: z.array(z.string()) }),
  'look-placed': z.object({
    files: z.boolean(),
    logs: z.boolean(),
    roles: rolesOrigin.optional(),
    lastSegment: segmentId,
  }),
  'set-aside': z.object({ bytes: count, path: z.string(), lastSegment: segmentId }),
  'restore-files': z.object({ files: count, bytes: count, roles: rolesOrigin.optional() }),
  'repair-roles': z.object({}),
  'place-logs': cutOutcome,
  'note-drained': z.object({ files: count }),
  'pause-shipping': z.object({ newest: instantText.nullable(), sequence: count, chain: z.string().nullable() }),
  'start-shipping': z.object({ timeline: timelineId, since: instantText.nullable() }),
  'accept-aside': z.object({ bytes: count }),
  'revert-aside': z.object({ path: z.string().nullable(), lastSegment: segmentId }),
} satisfies { [K in JobKind]: z.ZodType<JobResult[K]> };

export const jobKind = z.enum(Object.keys(jobParams) as [JobKind, ...JobKind[]]);

export const jobKeyShape = { run: safeName, step: safeName, epoch: leaseEpoch };

export const bindRequest = z.strictObject({ id: bucketId, epoch: leaseEpoch });
export const bindAnswer = z.object({ id: bucketId });

export const startRequest = z.strictObject({ ...jobKeyShape, kind: jobKind, params: z.unknown() });

/** `result` is checked by the client against the schema of the kind it asked for. */
export const jobStatus = z.discriminatedUnion('state', [
  z.object({ state: z.literal('running'), progress: progress.optional() }),
  z.object({ state: z.literal('succeeded'), result: z.unknown(), seconds: z.number() }),
  z.object({ state: z.literal('failed'), problem: tracedProblem, seconds: z.number() }),
  z.object({ state: z.literal('lost') }),
]);

export const jobAnswer = z.object({ id: z.string(), status: jobStatus });
export type JobAnswer = z.infer<typeof jobAnswer>;

export const agentHealth = z.object({
  node: z.string(),
  version: z.string(),
  at: z.iso.datetime(),
  /** Not bounded: what an older agent was told once must be readable, so that it can be set back. */
  highestEpoch: count,
  runningJobs: count,
  bucket: z.object({ id: bucketId.nullable() }).optional(),
  shipping: z
    .object({
      state: z.enum(['starting', 'shipping', 'paused', 'stopped']),
      timeline: timelineId.nullable(),
      newest: instantText.nullable(),
      lagSeconds: z.number().nonnegative().nullable(),
      pinnedBytes: count,
      unreadable: z.string().optional(),
      problem: z.string().optional(),
    })
    .optional(),
});

export const diskReport = z.object({
  total: count,
  free: count,
  liveData: count,
  aside: count,
  snapshots: count,
  staged: count.optional(),
  storeFree: count.optional(),
});
