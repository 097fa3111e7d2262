/** Where an audit chain ends: the sequence of its last entry and the SHA-256 of that entry's bytes. */
export interface AuditHead {
  readonly sequence: number;
  readonly hash: string;
}

/** Signs entries of an environment's audit chain with an Ed25519 key that is not in the bucket, and remembers outside the bucket how far it signed. */
export interface AuditSigner {
  /** First 16 hexadecimal characters of the SHA-256 of the public key (SPKI, DER). */
  readonly keyId: string;
  /** SPKI in PEM. */
  readonly publicKey: string;
  /** Base64 of the signature. */
  sign(text: string): string;
  lastHead(): Promise<AuditHead | undefined>;
  recordHead(head: AuditHead): Promise<void>;
  /** What this machine trusts: its own keys and those of the configuration, and its own record of the last head. */
  trust(): Promise<AuditTrust | undefined>;
}

/** What a verifier trusts: public keys (SPKI, PEM), and the key holder's own record of the last head when it is at hand. */
export interface AuditTrust {
  readonly publicKeys: readonly string[];
  readonly head?: AuditHead;
}
