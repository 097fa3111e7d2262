import type { AuditTrust } from '../ports/audit-signer.ts';
import { auditPrefix, type AuditEntry } from './audit-chain.ts';
import { chainFindings, runFindings, type AuditFinding } from './audit-findings.ts';
import { mapConcurrently } from '../model/map-concurrently.ts';
import { sequenceOf } from './event-file.ts';
import { readEventFiles, type EventFile } from './journal-reader.ts';
import { claimOf, currentLease } from './lease-record.ts';
import { trueStatus } from './liveness.ts';
import { replay, type RunState } from './run-state.ts';
import { runEventDocument, type RunEvent } from './event.ts';
import type { RunsWorld } from './runs.ts';

export type { AuditFinding } from './audit-findings.ts';

export interface AuditReport {
  readonly ok: boolean;
  readonly findings: readonly AuditFinding[];
  readonly entries: number;
  readonly runs: number;
  readonly events: number;
  /** Running runs, and runs that can be resumed: their ends are not recorded yet, which is not a finding. */
  readonly running: readonly string[];
  readonly interrupted: readonly string[];
  /** Whether signatures were checked (a public key was given), and whether the chain's end could be (the key holder's record was). */
  readonly signatures: boolean;
  readonly end: boolean;
}

/**
 * Compares every journal with the audit chain, and the chain with its signatures and the key holder's record of its
 * end. docs/audit.md says what is found with the key and what without. Reads all of `runs/` and `audit/`; memory is
 * bounded by one run and the entries.
 */
export async function verifyAudit(world: RunsWorld, trust: AuditTrust | undefined): Promise<AuditReport> {
  const report = await verifyOnce(world, trust);
  // A run writes its event first and its entry a moment later, so whatever is only unrecorded is checked again.
  return report.findings.some(({ kind }) => kind === 'run-unrecorded' || kind === 'end-unrecorded')
    ? verifyOnce(world, trust)
    : report;
}

async function verifyOnce(world: RunsWorld, trust: AuditTrust | undefined): Promise<AuditReport> {
  const { store } = world;
  const lease = await currentLease(store);
  const runs = await runsOf(world);
  const chain = chainFindings(await chainFiles(world), trust);
  const byRun = Map.groupBy(chain.entries, (entry) => entry.run);
  for (const run of byRun.keys()) runs.add(run);

  const findings: AuditFinding[] = [...chain.findings];
  const open = { running: [] as string[], interrupted: [] as string[] };
  let events = 0;
  const all = [...runs].sort();
  await mapConcurrently(all, 8, async (run) => {
    const files = await readEventFiles(store, run);
    events += files.length;
    const entries: readonly AuditEntry[] = byRun.get(run) ?? [];
    const state = readableState(files);
    const held = state?.copy === undefined ? lease : await currentLease(store, state.copy);
    const status = state && trueStatus(state, held, world.clock.now(), world.processes);
    // A run that just ended still holds its lease while it records its end.
    const isEnding = held?.run === run && claimOf(held, world.clock.now(), world.processes) === 'held';
    const isLive = status === 'running' || isEnding;
    if (status === 'running' || status === 'interrupted') open[status].push(run);
    findings.push(...runFindings(run, files, entries, isLive));
  });
  return {
    ok: findings.length === 0,
    findings: findings.sort((a, b) => (a.where < b.where ? -1 : 1)),
    entries: chain.entries.length,
    runs: all.length,
    events,
    running: open.running.sort(),
    interrupted: open.interrupted.sort(),
    signatures: trust !== undefined,
    end: trust?.head !== undefined,
  };
}

async function runsOf({ store }: RunsWorld): Promise<Set<string>> {
  const runs = new Set<string>();
  for await (const child of store.children('runs/')) {
    const run = /^runs\/(.+)\/$/.exec(child)?.[1];
    if (run !== undefined) runs.add(run);
  }
  return runs;
}

async function chainFiles({ store }: RunsWorld): Promise<readonly EventFile[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(auditPrefix)) if (sequenceOf(key) !== undefined) keys.push(key);
  const files = await mapConcurrently(keys, 32, async (key) => {
    const object = await store.get(key);
    return object === undefined ? undefined : { key, bytes: object.body };
  });
  return files.filter((file) => file !== undefined);
}

/** The part of a possibly damaged journal that can be replayed: enough to know whether a process executes the run. */
function readableState(files: readonly EventFile[]): RunState | undefined {
  const events: RunEvent[] = [];
  for (const { key, bytes } of files) {
    try {
      events.push({ kind: 'run-event', version: 1, ...runEventDocument.read(bytes, key) });
    } catch {
      // Reported as a finding.
    }
  }
  return replay(events);
}
