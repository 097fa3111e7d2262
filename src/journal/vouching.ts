import { sha256 } from '../model/sha256.ts';
import type { AuditTrust } from '../ports/audit-signer.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { patiently } from '../ports/patience.ts';
import { type AuditEntry, auditEntryDocument, auditKey, headAfter, signedText } from './audit-chain.ts';
import { noHash } from './event-file.ts';
import { signatureOf } from './event-signature.ts';
import { journalDamaged, type VerifiedJournal } from './journal-reader.ts';
import { replay, type RunState } from './run-state.ts';
import { storePatience } from './store-patience.ts';
import { trustedKeys, type TrustedKeys } from './trusted-keys.ts';

/** What is needed to judge a journal. Without keys nothing is believed. */
export interface TrustingWorld {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly signer?: { readonly trust: () => AuditTrust | Promise<AuditTrust | undefined> };
}

/** A journal, and how far the keys that are trusted here vouch for it. */
export interface JudgedRun {
  readonly journal: VerifiedJournal;
  readonly state: RunState;
  /** The newest entry of the audit chain about it that is signed with a trusted key. */
  readonly entry: AuditEntry | undefined;
  /** Why this machine cannot vouch for the journal, as a clause; undefined when it can. */
  readonly doubt: string | undefined;
}

/**
 * Compares a journal with what trusted keys have signed: the newest entry about it in an audit chain that is whole from there on, and the newest
 * event. A signed event vouches for all before it, because it holds their hashes; after it only requests to cancel are believed. What other keys
 * have signed says nothing, neither for the journal nor against it. Throws RefusedProblem `journal-damaged` when the journal is not the one that
 * a trusted key has signed.
 */
export async function judgeRun(world: TrustingWorld, journal: VerifiedJournal): Promise<JudgedRun> {
  const { run } = journal;
  const state = replay(journal.events);
  if (state === undefined) throw journalDamaged(run, 'event 1 is not the start of a run');
  const trust = await trustOf(world);
  const keys = trustedKeys(trust.publicKeys);
  const { entry, whole } = await patiently(world.clock, storePatience(undefined), async () =>
    newestBelieved(world.store, { keys, head: trust.head, run, since: state.startedAt }),
  );
  if (entry !== undefined && journal.hashes[entry.events - 1] !== entry.head) {
    throw journalDamaged(run, `event ${entry.events} was changed after audit entry ${entry.sequence} was signed`);
  }
  const doubt = doubtAbout({ journal, state, entry, whole, keys });
  return { journal, state, entry, doubt };
}

export async function trustOf({ signer }: Pick<TrustingWorld, 'signer'>): Promise<AuditTrust> {
  return (await signer?.trust()) ?? { publicKeys: [] };
}

function doubtAbout(seen: {
  readonly journal: VerifiedJournal;
  readonly state: RunState;
  readonly entry: AuditEntry | undefined;
  readonly whole: boolean;
  readonly keys: TrustedKeys;
}): string | undefined {
  const { journal, state, entry, whole, keys } = seen;
  if (!whole) return 'the audit chain was cut off or changed since (`cardea audit` says where)';
  // Nothing is done in a run before its start is in the chain: one that was killed in between has nothing to vouch for but its first event.
  if (entry === undefined && Object.keys(state.steps).length > 0) {
    return 'no entry of the audit chain that is signed with a key trusted here speaks of it';
  }
  const signed = journal.files.findLastIndex(({ bytes }) => {
    const signature = signatureOf(bytes);
    return signature !== undefined && keys.verify(signature);
  });
  const believed = Math.max(signed + 1, entry?.events ?? 0);
  const loose = journal.events.slice(believed).find(({ event }) => event.type !== 'cancel-requested');
  return loose && `from event ${loose.sequence} on (${loose.event.type}) no key that is trusted here has signed it`;
}

/**
 * Walks back from the chain's end, by the hash that each entry has of the one before, to the newest entry about the run. `whole`: no entry on
 * the way is missing or changed, and the chain still has the one that this machine signed last. Bounded by the first believed entry from before
 * `since`.
 */
async function newestBelieved(
  store: ObjectStore,
  {
    keys,
    head,
    run,
    since,
  }: {
    readonly keys: TrustedKeys;
    readonly head: AuditTrust['head'];
    readonly run: string;
    readonly since: string;
  },
): Promise<{ readonly entry: AuditEntry | undefined; readonly whole: boolean }> {
  const own = head === undefined ? undefined : await store.get(auditKey(head.sequence));
  let whole = head === undefined || (own !== undefined && sha256(own.body) === head.hash);
  const end = await headAfter(store, whole && head !== undefined ? head : { sequence: 0, hash: noHash });
  let expected: string | undefined;
  for (let at = end.sequence; at > 0; at -= 1) {
    const object = await store.get(auditKey(at));
    if (object === undefined) return { entry: undefined, whole: false };
    if (expected !== undefined && sha256(object.body) !== expected) whole = false;
    const entry = readable(object.body, at);
    if (entry === undefined) whole = false;
    expected = entry?.previous;
    if (entry === undefined || !keys.verify({ ...entry, text: signedText(entry) })) continue;
    if (entry.run === run) return { entry, whole };
    if (entry.at < since) return { entry: undefined, whole };
  }
  return { entry: undefined, whole };
}

/** An entry that cannot be read, or stands in another's place, says nothing; `cardea audit` names it. */
function readable(body: Uint8Array, sequence: number): AuditEntry | undefined {
  try {
    const entry = auditEntryDocument.read(body, auditKey(sequence));
    return entry.sequence === sequence ? entry : undefined;
  } catch {
    return undefined;
  }
}
