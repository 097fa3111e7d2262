import { canonicalJson } from '../model/canonical-json.ts';
import type { AuditSigner } from '../ports/audit-signer.ts';
import { type RunEvent, runEventDocument } from './event.ts';
import type { Signed } from './trusted-keys.ts';

/**
 * Signs an event over the canonical JSON of all of it. Because an event holds the hash of the one before, the signature is one of the whole
 * journal up to it. A request to cancel is never signed: who asks for it may know nothing of what came before.
 */
export function signEvent(event: RunEvent, signer: Pick<AuditSigner, 'keyId' | 'sign'> | undefined): RunEvent {
  if (signer === undefined || event.event.type === 'cancel-requested') return event;
  return { ...event, signed: { key: signer.keyId, signature: signer.sign(textOf(runEventDocument.write(event))) } };
}

/**
 * The signature of an event as its bytes have it; undefined for none. The text is made of the bytes, not of what this version's schema reads, so
 * that a field of a later version does not look like a forgery.
 */
export function signatureOf(bytes: Uint8Array): Signed | undefined {
  const event = runEventDocument.read(bytes, 'an event');
  return event.signed && { ...event.signed, text: textOf(new TextDecoder().decode(bytes)) };
}

function textOf(json: string): string {
  const { signed: _signed, ...content } = JSON.parse(json) as Record<string, unknown>;
  return canonicalJson(content);
}
