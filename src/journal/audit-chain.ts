import { z } from 'zod';
import { canonicalJson } from '../model/canonical-json.ts';
import { documentType } from '../model/document.ts';
import type { AuditHead, AuditSigner } from '../ports/audit-signer.ts';
import type { Clock } from '../ports/clock.ts';
import { ConflictProblem, type ObjectStore } from '../ports/object-store.ts';
import { patiently, type Patience } from '../ports/patience.ts';
import { actor, type Actor } from './event.ts';
import { sha256 } from '../model/sha256.ts';
import { noHash, numberedFile, sequenceOf } from './event-file.ts';
import { storePatience } from './store-patience.ts';

/**
 * One entry of `audit/`: at this time the journal of `run` had `events` events, and the last of them had this hash. Signed over the
 * canonical JSON of everything but the signature.
 */
export const auditEntryDocument = documentType('audit-entry', 1, {
  sequence: z.number().int().positive(),
  previous: z.string(),
  at: z.iso.datetime(),
  what: z.enum(['started', 'paused', 'resumed', 'ended']),
  run: z.string(),
  events: z.number().int().positive(),
  head: z.string(),
  actor,
  key: z.string(),
  signature: z.string(),
});
export type AuditEntry = Omit<z.infer<typeof auditEntryDocument.schema>, 'kind' | 'version'>;

type ChainSigner = Omit<AuditSigner, 'trust'>;

/** What is to be recorded about a run. */
export type AuditFact = Pick<AuditEntry, 'what' | 'run' | 'events' | 'head'>;

export const auditPrefix = 'audit/';

/**
 * Appends to the chain for one process. Without a signer nothing is recorded. If the store cannot be reached, it retries
 * for half a minute or as long as the given patience allows; then RetryableProblem. `cardea audit` finds what was not
 * recorded: the journal has an event that no entry vouches for.
 */
export interface AuditTrail {
  record(fact: AuditFact, patience?: Patience): Promise<void>;
}

export function auditTrail(world: {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly actor: Actor;
  readonly signer?: ChainSigner;
}): AuditTrail {
  const { store, clock, signer } = world;
  if (signer === undefined) return { record: async () => undefined };
  let known: { head: AuditHead; extendsOwnRecord: boolean } | undefined;

  const next = async (fact: AuditFact, from: AuditHead) => {
    const head = await headAfter(store, from);
    const entry = signed(
      {
        sequence: head.sequence + 1,
        previous: head.hash,
        at: clock.now().toISOString(),
        ...fact,
        actor: world.actor,
        key: signer.keyId,
      },
      signer,
    );
    return { sequence: entry.sequence, text: auditEntryDocument.write(entry) };
  };

  /** True when the entry is in the chain; false when another one took its place. */
  const put = async ({ sequence, text }: { readonly sequence: number; readonly text: string }): Promise<boolean> => {
    try {
      await store.put(auditKey(sequence), text, { ifAbsent: true });
      return true;
    } catch (error) {
      if (!(error instanceof ConflictProblem)) throw error;
      // A put whose answer was lost and that was made again meets itself.
      const stored = await store.get(auditKey(sequence));
      return stored !== undefined && sha256(stored.body) === sha256(text);
    }
  };

  return {
    async record(fact, patience = storePatience(undefined)) {
      let entry: { readonly sequence: number; readonly text: string } | undefined;
      const attempt = async () => {
        for (;;) {
          known ??= await startingPoint(store, signer);
          entry ??= await next(fact, known.head);
          if (await put(entry)) {
            known = { ...known, head: { sequence: entry.sequence, hash: sha256(entry.text) } };
            return known;
          }
          entry = undefined;
        }
      };
      const { head, extendsOwnRecord } = await patiently(clock, patience, attempt);
      if (extendsOwnRecord) await signer.recordHead(head);
    },
  };
}

export function auditKey(sequence: number): string {
  return `${auditPrefix}${numberedFile(sequence)}`;
}

/** What is signed of an entry. */
export function signedText(entry: Omit<AuditEntry, 'signature'>): string {
  const { sequence, previous, at, what, run, events, head, actor, key } = entry;
  return canonicalJson({ sequence, previous, at, what, run, events, head, actor, key });
}

function signed(entry: Omit<AuditEntry, 'signature'>, signer: ChainSigner): AuditEntry {
  return { ...entry, signature: signer.sign(signedText(entry)) };
}

/**
 * The head that this key signed last, if the chain still contains it. If not, somebody cut or rewrote the chain. That
 * must not stop a recovery, so new entries follow the end that was found; but the own record is not changed, because it
 * is the evidence.
 */
async function startingPoint(
  store: ObjectStore,
  signer: ChainSigner,
): Promise<{ head: AuditHead; extendsOwnRecord: boolean }> {
  const start = { sequence: 0, hash: noHash };
  const own = await signer.lastHead();
  if (own === undefined) return { head: start, extendsOwnRecord: true };
  const object = await store.get(auditKey(own.sequence));
  if (object !== undefined && sha256(object.body) === own.hash) return { head: own, extendsOwnRecord: true };
  return { head: start, extendsOwnRecord: false };
}

/** The last entry at or after `from`. */
export async function headAfter(store: ObjectStore, from: AuditHead): Promise<AuditHead> {
  let last: string | undefined;
  const after = from.sequence === 0 ? {} : { after: auditKey(from.sequence) };
  for await (const { key } of store.list(auditPrefix, after)) if (sequenceOf(key) !== undefined) last = key;
  const object = last === undefined ? undefined : await store.get(last);
  if (last === undefined || object === undefined) return from;
  return { sequence: sequenceOf(last) ?? from.sequence, hash: sha256(object.body) };
}
