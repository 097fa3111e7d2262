import { createHash, createPublicKey, verify } from 'node:crypto';

/** A text that somebody signed, and the id of the key it is said to be signed with. */
export interface Signed {
  readonly key: string;
  /** Base64. */
  readonly signature: string;
  readonly text: string;
}

export interface TrustedKeys {
  readonly has: (keyId: string) => boolean;
  /** Whether the text was signed with one of these keys. */
  readonly verify: (signed: Signed) => boolean;
}

/** `publicKeys`: Ed25519, SPKI in PEM. */
export function trustedKeys(publicKeys: readonly string[]): TrustedKeys {
  const byId = new Map(
    publicKeys.map((pem) => {
      const key = createPublicKey(pem);
      const der = key.export({ type: 'spki', format: 'der' });
      return [createHash('sha256').update(der).digest('hex').slice(0, 16), key] as const;
    }),
  );
  return {
    has: (keyId) => byId.has(keyId),
    verify({ key, signature, text }) {
      const known = byId.get(key);
      return known !== undefined && verify(null, Buffer.from(text), known, Buffer.from(signature, 'base64'));
    },
  };
}
