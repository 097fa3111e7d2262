import type { TracedProblem } from '../model/problem.ts';
import type { Progress } from '../model/progress.ts';
import type { RereadTurn } from '../model/reread-turn.ts';

/**
 * The agent beside one Cassandra. Long work belongs to it: a job is keyed by run, step and node, carries the lease's epoch, and goes on
 * when the caller dies. Starting the same key (with the same kind and params) again joins the running job or reports the one that
 * succeeded; one that failed or was lost runs anew, so does one that only looks or pauses when another epoch asks, and one that notes what lies there now, and every job kind first clears what a dead attempt left. A lower epoch than the
 * highest seen is refused (RefusedProblem `stale-epoch`), and so is one that leaps too far above it (`epoch-leap`); a higher one ends what a run without the lease still has running here. A job whose
 * agent died with it is `lost`. One job runs at a time, others wait; clearing or deleting a point ends a job that still works on it.
 */
export interface NodeAgent {
  readonly node: string;
  health(): Promise<AgentHealth>;
  disk(): Promise<DiskReport>;
  /**
   * Binds the agent to the bucket with this id, whatever it remembers: it ends its jobs, sets the highest epoch, and
   * ships there from now on. Throws RefusedProblem `other-bucket` when the store that it was configured with has another
   * id, `bucket-of-another-environment`.
   */
  bind(bucket: BucketBinding): Promise<void>;
  /** Starts (or joins) and follows to the end: resolves with the result, throws the job's problem, RetryableProblem `agent-unreachable` when the agent is gone. */
  run<K extends JobKind>(
    job: JobKey,
    kind: K,
    params: JobParams[K],
    options: { readonly signal: AbortSignal; readonly progress: (progress: Progress) => void },
  ): Promise<JobResult[K]>;
}

export interface JobKey {
  readonly run: string;
  readonly step: string;
  readonly epoch: number;
}

export interface BucketBinding {
  readonly id: string;
  /** Of the lease under which it is bound: a lower one is refused from now on. It may be below what the agent has seen. */
  readonly epoch: number;
}

export interface AgentHealth {
  readonly node: string;
  readonly version: string;
  /** Its clock, ISO: what differs from ours is skew. */
  readonly at: string;
  readonly highestEpoch: number;
  readonly runningJobs: number;
  /** The bucket that it remembers; the id is null until it has used one. Absent from agents of older versions. */
  readonly bucket?: { readonly id: string | null } | undefined;
  /** Absent when this agent ships no commit log. */
  readonly shipping?: ShippingHealth | undefined;
}

export interface ShippingHealth {
  /**
   * `starting`: it has not begun since the agent's start, for the host id or the store is not known yet. `stopped`:
   * another agent ships under this host id, and this one writes nothing more until it is told to start or starts anew.
   */
  readonly state: 'starting' | 'shipping' | 'paused' | 'stopped';
  readonly timeline: string | null;
  /** Everything acknowledged up to here is in the store. */
  readonly newest: string | null;
  readonly lagSeconds: number | null;
  /** Bytes of commit log on the disk that Cassandra has deleted and that wait for the store. */
  readonly pinnedBytes: number;
  /** Why it does not get on at the moment. */
  readonly problem?: string | undefined;
  /** Why what it ships can be read by nobody here, as a clause. */
  readonly unreadable?: string | undefined;
}

/** Bytes. `liveData` is what the keyspaces' data files take now; `aside` what earlier restores moved aside and nobody accepted yet. */
export interface DiskReport {
  readonly total: number;
  readonly free: number;
  readonly liveData: number;
  readonly aside: number;
  readonly snapshots: number;
  /** Of `aside`: what a restore has brought beside the data and not placed. Agents of before do not say. */
  readonly staged?: number | undefined;
  /** Free bytes where the bucket lies, when it is a directory on this machine. */
  readonly storeFree?: number;
}

export interface JobParams {
  /** Takes a snapshot named after the point and hashes every file; writes the inventory to the bucket. */
  snapshot: { readonly point: string };
  /** Medusa uploads the snapshot. */
  upload: { readonly point: string; readonly mode: 'full' | 'differential' };
  /** Compares store and inventory: every file there with its size; bytes new since `knownPoints` are read back and hashed. */
  verify: { readonly point: string; readonly knownPoints: readonly string[] };
  /** Reads again what is due of everything that these points hold, and hashes it. `own`: the point whose snapshot is still on the node. */
  reread: { readonly own: string; readonly points: readonly string[]; readonly turn: RereadTurn };
  'clear-snapshot': { readonly point: string };
  /** Removes this node's part of a backup through Medusa. */
  'delete-backup': { readonly point: string };
  /**
   * Brings the files of a node's backup beside the data, on the same file system, and hashes each against the inventory; Cassandra may serve
   * meanwhile. `restore-files` of the same point then only has to move them. `inventorySha256`: of the inventory's document; one with other
   * bytes is refused.
   */
  'stage-files': {
    readonly point: string;
    readonly source: string;
    readonly inPlace: boolean;
    readonly inventorySha256?: string;
  };
  /**
   * Cuts the logs of the plan beside the data; Cassandra may serve meanwhile. `place-logs` of the same plan and ranges then only has to move
   * them. `plan`, `sha256`, `ranges`, `bytes` as there.
   */
  'stage-logs': {
    readonly plan: string;
    readonly sha256: string;
    readonly ranges?: ReadonlyArray<readonly [string, string]>;
    readonly bytes?: number;
  };
  /** Removes what `stage-files` and `stage-logs` brought and nobody moved. Whole files of `keepPoint` stay. */
  'clear-stage': { readonly keepPoint?: string };
  /** What `set-aside` would refuse, asked before anything is stopped. */
  'check-aside': Record<string, never>;
  /** How far the moving aside under the name `run` has come. `mark`: the run that made it, where that has another name. */
  'look-aside': { readonly run: string; readonly mark?: string };
  /** Leaves a mark of the run on the disk, so that a disk that replaces it is told from it. Marks of other runs than those of `keep` go. */
  'mark-disk': { readonly run: string; readonly keep: readonly string[] };
  /** Whether what `restore-files` and `place-logs` with these params have placed lies on the disk. Cassandra may have run on it since. */
  /** Which of the segments that were placed Cassandra has not replayed. It runs. */
  'look-replayed': Record<string, never>;
  'look-placed': { readonly files: JobParams['restore-files']; readonly logs?: JobParams['place-logs'] };
  /** Moves data, commitlog, hints and saved_caches whole into a folder named after the run; recreates them empty. Cassandra must be stopped. */
  'set-aside': { readonly run: string };
  /** Medusa brings the files of `source` (a node of the point) into place. `inPlace` keeps identity and tokens. Cassandra must be stopped. */
  /** `rolesOf`: the run that set data aside here whose roles and passwords (`system_auth`) are kept where they can be read. `inventorySha256` as of `stage-files`. */
  'restore-files': {
    readonly point: string;
    readonly source: string;
    readonly inPlace: boolean;
    readonly inventorySha256?: string;
    readonly rolesOf?: string;
  };
  /** Brings the roles and passwords of this node up to those of the other replicas. Cassandra must run. */
  'repair-roles': Record<string, never>;
  /**
   * Writes what the log plan of the run `plan` keeps of the shipped logs into the empty commitlog directory, as new segments that
   * Cassandra replays when it starts. `sha256`: of the plan's document; one with other bytes is refused. `ranges`: the token ranges (start, end] that this node holds; everything when absent. Cassandra must be
   * stopped. System keyspaces are never placed. `extension`: SHA-256 of a second plan of the run, which is placed with it: what was shipped
   * since. `bytes`: what the new segments of the plan are expected to take at most; a disk with less free space is refused. `afterDrain`: Cassandra was started on the restored files and drained; what
   * `note-drained` of the same run has found there is removed, and nothing else.
   */
  'place-logs': {
    readonly plan: string;
    readonly sha256: string;
    readonly extension?: string;
    readonly ranges?: ReadonlyArray<readonly [string, string]>;
    readonly bytes?: number;
    readonly afterDrain?: boolean;
  };
  /**
   * Notes what the drain of a Cassandra left in the commitlog directory that the run had started on the restored files. `ranAt`: ISO, by the
   * clock of this agent, when that Cassandra still ran; what is newer is of another one, and refused.
   */
  'note-drained': { readonly run: string; readonly ranAt: string };
  /**
   * Ships everything that Cassandra acknowledged before this moment and stops, until `start-shipping`. RetryableProblem `log-not-drained`
   * when that does not come about: it has stopped all the same, and asking again goes on with the rest.
   */
  'pause-shipping': Record<string, never>;
  /** Begins this node's stream on the timeline, or goes on with it. Segments with ids up to `after` are in no stream of it; absent: as before. */
  'start-shipping': { readonly timeline: string; readonly after?: string | null };
  /** What `set-aside` kept is deleted: the restore is accepted. */
  /** `givenUp`: also what was not moved whole, or is half moved back. */
  'accept-aside': { readonly run: string; readonly givenUp?: boolean };
  /** What `set-aside` kept is moved back; what is there now is kept aside under its `displacedName`. Cassandra must be stopped. */
  /**
   * `mayBeAbsent`: this node may never have set anything aside for the run; then there is nothing to do, if what is live has what makes the node
   * itself, and lies on the disk with the `mark` of that run. `whole`: a server of the graph may have run on what is there now.
   */
  'revert-aside': {
    readonly run: string;
    readonly mayBeAbsent?: boolean;
    readonly mark?: string;
    readonly whole?: boolean;
  };
}

export type RolesOrigin = { readonly from: 'living' } | { readonly from: 'point'; readonly why: string };

export interface JobResult {
  snapshot: {
    readonly files: number;
    readonly bytes: number;
    readonly inventory: string;
    readonly tables: readonly string[];
    /** Instants by the node's clock, ISO with six decimals: before the snapshot was asked for, and after the node had it. */
    readonly from: string;
    readonly to: string;
  };
  /** `mode`: how it was stored; full although differential was asked for when the node uses a file name again that the store holds with other content. */
  upload: { readonly files: number; readonly bytes: number; readonly mode: 'full' | 'differential' };
  /** `inventorySha256`: of the inventory that the store was compared with. Agents of before do not say. */
  verify: {
    readonly files: number;
    readonly bytes: number;
    readonly newBytes: number;
    readonly inventorySha256?: string | undefined;
  };
  /** `damaged`: points that hold an object with other bytes, or without any; `what` names the first of each. `mended`: objects that were brought again. */
  reread: {
    readonly files: number;
    readonly bytes: number;
    readonly damaged: ReadonlyArray<{ readonly point: string; readonly what: string }>;
    readonly mended: number;
  };
  'clear-snapshot': { readonly cleared: boolean };
  'delete-backup': { readonly deleted: boolean };
  'stage-files': { readonly files: number; readonly bytes: number };
  /** As of `place-logs`. */
  'stage-logs': {
    readonly mutations: number;
    readonly cut: number;
    readonly dropped: number;
    readonly bytes: number;
    readonly lastSegment: string | null;
  };
  'clear-stage': Record<string, never>;
  /** Names under which data lies aside on the node; absent from an agent of before. */
  'check-aside': { readonly aside?: readonly string[] | undefined };
  /**
   * `phase`: null when nothing lies aside for the run. `itself`: the data that the run moved aside, or what is live where it has moved none, has
   * what makes the node itself. `marked`: it is the disk that the run has marked. `whole`: as `revert-aside` was told.
   */
  'look-aside': {
    readonly phase: 'setting-aside' | 'kept' | 'accepting' | 'reverting' | null;
    readonly itself: boolean;
    readonly marked: boolean;
    readonly whole?: boolean | undefined;
  };
  'mark-disk': Record<string, never>;
  /** `roles` as of `restore-files`, `lastSegment` as of `place-logs`: of what lies there. */
  /** Their names, some of them when they are many. */
  'look-replayed': { readonly left: readonly string[] };
  'look-placed': {
    readonly files: boolean;
    readonly logs: boolean;
    readonly roles?: RolesOrigin | undefined;
    readonly lastSegment: string | null;
  };
  /** `lastSegment`: the highest id of a commit log segment that was set aside; null when there was none. */
  'set-aside': { readonly bytes: number; readonly path: string; readonly lastSegment: string | null };
  /** `roles`: where roles and passwords came from; absent when `rolesOf` was not said, or the point has none. */
  'restore-files': { readonly files: number; readonly bytes: number; readonly roles?: RolesOrigin | undefined };
  'repair-roles': Record<string, never>;
  /** `mutations` placed, of which some were cut inside; `dropped` ones had nothing left. `lastSegment`: the highest id placed, null when none was. */
  'place-logs': {
    readonly mutations: number;
    readonly cut: number;
    readonly dropped: number;
    readonly bytes: number;
    readonly lastSegment: string | null;
  };
  'note-drained': { readonly files: number };
  /** Where the stream stands. Null when this node never shipped. */
  'pause-shipping': { readonly newest: string | null; readonly sequence: number; readonly chain: string | null };
  /** `since`: when the stream's coverage begins; null when it has not begun yet, for Cassandra or the store does not answer. */
  'start-shipping': { readonly timeline: string; readonly since: string | null };
  'accept-aside': { readonly bytes: number };
  /** `path`: where what was there now lies; null when nothing had been set aside. `lastSegment`: the highest id of a commit log segment that came back; null when there is none. */
  'revert-aside': { readonly path: string | null; readonly lastSegment: string | null };
}

export type JobKind = keyof JobParams;

export type JobStatus<K extends JobKind> =
  | { readonly state: 'running'; readonly progress?: Progress }
  | { readonly state: 'succeeded'; readonly result: JobResult[K]; readonly seconds: number }
  | { readonly state: 'failed'; readonly problem: TracedProblem; readonly seconds: number }
  | { readonly state: 'lost' };
