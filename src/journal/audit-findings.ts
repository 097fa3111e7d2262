import type { AuditTrust } from '../ports/audit-signer.ts';
import { auditEntryDocument, auditKey, signedText, type AuditEntry } from './audit-chain.ts';
import { isFinal, runEventDocument, type RunEvent } from './event.ts';
import { sha256 } from '../model/sha256.ts';
import { eventKey, noHash, sequenceOf } from './event-file.ts';
import type { EventFile } from './journal-reader.ts';
import { trustedKeys, type TrustedKeys } from './trusted-keys.ts';

export type AuditFindingKind =
  | 'entry-missing'
  | 'entry-edited'
  | 'entry-unknown-key'
  | 'chain-truncated'
  | 'chain-rewritten'
  | 'run-removed'
  | 'run-unrecorded'
  | 'end-unrecorded'
  | 'event-missing'
  | 'event-edited'
  | 'event-moved'
  | 'event-added';

/** One thing that was changed after it was written. `where` is the key of the object, or the run's prefix. */
export interface AuditFinding {
  readonly kind: AuditFindingKind;
  readonly where: string;
  readonly what: string;
}

export interface CheckedChain {
  readonly findings: readonly AuditFinding[];
  /** The trusted entries: readable and, when keys are given, signed with one of them. */
  readonly entries: readonly AuditEntry[];
}

/** Pure: what is wrong with the audit chain itself. `files` in the order of their keys. */
export function chainFindings(files: readonly EventFile[], trust: AuditTrust | undefined): CheckedChain {
  const findings: AuditFinding[] = [];
  const entries: AuditEntry[] = [];
  const keys = trustedKeys(trust?.publicKeys ?? []);
  const hashes = new Map<number, string>([[0, noHash]]);
  let expected = 1;
  for (const { key, bytes } of files) {
    const sequence = sequenceOf(key) ?? 0;
    if (sequence > expected) findings.push(missingEntries(expected, sequence - 1));
    expected = sequence + 1;
    hashes.set(sequence, sha256(bytes));
    const entry = readable(() => auditEntryDocument.read(bytes, key));
    if (entry?.sequence !== sequence || auditEntryDocument.write(entry) !== new TextDecoder().decode(bytes)) {
      findings.push({ kind: 'entry-edited', where: key, what: `Audit entry ${sequence} was edited.` });
      continue;
    }
    const before = hashes.get(sequence - 1);
    if (before !== undefined && before !== entry.previous) {
      const edited = Math.max(1, sequence - 1);
      findings.push({
        kind: 'entry-edited',
        where: auditKey(edited),
        what: `Audit entry ${edited} was replaced: entry ${sequence} was signed after a different entry.`,
      });
    }
    const doubt = trust === undefined ? undefined : signatureFinding(entry, key, keys);
    if (doubt === undefined) entries.push(entry);
    else findings.push(doubt);
  }
  const head = trust?.head;
  if (head !== undefined && head.sequence >= expected) {
    findings.push({
      kind: 'chain-truncated',
      where: auditKey(head.sequence),
      what: `The audit chain ends at entry ${expected - 1}, but the record beside the key says that it reached entry ${head.sequence}.`,
    });
  } else if (head !== undefined && hashes.get(head.sequence) !== head.hash) {
    findings.push({
      kind: 'chain-rewritten',
      where: auditKey(head.sequence),
      what: `Audit entry ${head.sequence} differs from the record beside the key.`,
    });
  }
  return { findings, entries };
}

/**
 * Pure: what is wrong with one run's journal, compared with the entries about it. `isLive`: a process executes the run
 * right now.
 */
export function runFindings(
  run: string,
  files: readonly EventFile[],
  entries: readonly AuditEntry[],
  isLive: boolean,
): readonly AuditFinding[] {
  const firstEntry = entries[0];
  if (files.length === 0) {
    return firstEntry === undefined
      ? []
      : [
          {
            kind: 'run-removed',
            where: `runs/${run}/`,
            what: `Run ${run}, recorded in audit entry ${firstEntry.sequence}, was removed completely.`,
          },
        ];
  }
  const findings = new Map<string, AuditFinding>();
  const add = (kind: AuditFindingKind, sequence: number, what: string) => {
    const where = eventKey(run, sequence);
    const at = `${kind === 'event-moved' ? 'event-edited' : kind} ${where}`;
    if (!findings.has(at)) findings.set(at, { kind, where, what });
  };

  const { events, last } = chained(run, files, add);
  for (const entry of entries) {
    const found = files.find(({ key }) => sequenceOf(key) === entry.events);
    const because = `audit entry ${entry.sequence} (${entry.what})`;
    if (found === undefined) {
      if (entry.events > last)
        add(
          'event-missing',
          last + 1,
          `Events ${last + 1} to ${entry.events} of run ${run} were removed: ${because} recorded ${entry.events}.`,
        );
    } else if (sha256(found.bytes) !== entry.head) {
      add('event-edited', entry.events, `Event ${entry.events} of run ${run} was changed after ${because} was signed.`);
    }
  }
  const ended = entries.findLast((entry) => entry.what === 'ended');
  for (let sequence = (ended?.events ?? last) + 1; sequence <= last; sequence += 1) {
    add('event-added', sequence, `Event ${sequence} of run ${run} was added after the run had ended.`);
  }
  if (!isLive && firstEntry === undefined) {
    add(
      'run-unrecorded',
      1,
      `Run ${run} is in no audit entry. Either the chain was cut, or somebody without the key added the run, or its process was killed right after its first event (a resume records it).`,
    );
  } else if (!isLive && ended === undefined && events.some(isFinal)) {
    add(
      'end-unrecorded',
      last,
      `The end of run ${run} is in no audit entry. Either the chain was cut, or somebody without the key added the last event, or its process was killed right after it (\`cardea run resume ${run}\` records it).`,
    );
  }
  return [...findings.values()];
}

/**
 * Checks names, order and hashes within one journal. The next event holds an event's hash, so a break names the earlier
 * one.
 */
function chained(
  run: string,
  files: readonly EventFile[],
  add: (kind: AuditFindingKind, sequence: number, what: string) => void,
): { events: readonly RunEvent['event'][]; last: number } {
  const events: RunEvent['event'][] = [];
  let before: { sequence: number; hash: string } = { sequence: 0, hash: noHash };
  for (const { key, bytes } of files) {
    const sequence = sequenceOf(key) ?? 0;
    const follows = sequence === before.sequence + 1;
    if (!follows) {
      const [from, to] = [before.sequence + 1, sequence - 1];
      add(
        'event-missing',
        from,
        from === to
          ? `Event ${from} of run ${run} was removed.`
          : `Events ${from} to ${to} of run ${run} were removed.`,
      );
    }
    const event = readable(() => runEventDocument.read(bytes, key));
    if (event === undefined) {
      add('event-edited', sequence, `Event ${sequence} of run ${run} cannot be read.`);
    } else if (event.sequence !== sequence || event.run !== run) {
      add(
        'event-moved',
        sequence,
        `Event ${sequence} of run ${run} was replaced by event ${event.sequence} of ${event.run}.`,
      );
    } else {
      events.push(event.event);
      if (follows && event.previous !== before.hash) {
        add(
          'event-edited',
          Math.max(1, before.sequence),
          `Event ${Math.max(1, before.sequence)} of run ${run} was edited: event ${sequence} holds a different hash of it.`,
        );
      }
    }
    before = { sequence, hash: sha256(bytes) };
  }
  return { events, last: before.sequence };
}

function signatureFinding(entry: AuditEntry, key: string, keys: TrustedKeys): AuditFinding | undefined {
  if (!keys.has(entry.key)) {
    return {
      kind: 'entry-unknown-key',
      where: key,
      what: `Audit entry ${entry.sequence} is signed with an unknown key, ${entry.key}.`,
    };
  }
  if (keys.verify({ ...entry, text: signedText(entry) })) return undefined;
  return {
    kind: 'entry-edited',
    where: key,
    what: `Audit entry ${entry.sequence} was edited: its signature is not valid.`,
  };
}

function missingEntries(from: number, to: number): AuditFinding {
  return {
    kind: 'entry-missing',
    where: auditKey(from),
    what: from === to ? `Audit entry ${from} was removed.` : `Audit entries ${from} to ${to} were removed.`,
  };
}

/** A document that cannot be read is a finding, not a failure of the audit. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
