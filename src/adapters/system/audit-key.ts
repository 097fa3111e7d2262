import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../../model/error-code.ts';
import { z } from 'zod';
import { writeDurably } from '../../host/write-whole.ts';
import { FailedProblem } from '../../model/problem.ts';
import { rememberSecret } from '../../model/secrets.ts';
import type { AuditHead, AuditSigner, AuditTrust } from '../../ports/audit-signer.ts';

/**
 * A signer whose Ed25519 key lies in a file of mode 0600, made when there is none; the public key is beside it in `<file>.pub`. How far it
 * signed an environment's chain is kept in `<file>.<environment>.head`. `operatorKeys` are public keys that are trusted beside it. Throws
 * FailedProblem `audit-key`.
 */
export async function fileAuditSigner(
  keyFile: string,
  environment: string,
  operatorKeys: readonly string[] = [],
): Promise<AuditSigner> {
  const key = await readOrCreateKey(keyFile);
  const publicKey = createPublicKey(key);
  const headFile = headFileOf(keyFile, environment);
  return {
    keyId: keyIdOf(publicKey.export({ type: 'spki', format: 'der' })),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    sign: (text) => sign(null, Buffer.from(text), key).toString('base64'),
    lastHead: () => readHead(headFile),
    async recordHead(head) {
      // Runs at the same time may finish in either order; the record never goes back.
      const known = await readHead(headFile);
      if (known === undefined || head.sequence > known.sequence) {
        await writeDurably(headFile, `${JSON.stringify(head)}\n`);
      }
    },
    trust: () => fileAuditTrust(keyFile, environment, operatorKeys),
  };
}

/**
 * The keys to verify an environment's chain with: every public key in `<file>.pub` (there may be several) and those of the operators, and the
 * record of the last head. Undefined when there is no key.
 */
export async function fileAuditTrust(
  keyFile: string,
  environment: string,
  operatorKeys: readonly string[] = [],
): Promise<AuditTrust | undefined> {
  const text = await readIfThere(`${keyFile}.pub`);
  if (text === undefined && operatorKeys.length === 0) return undefined;
  const head = await readHead(headFileOf(keyFile, environment));
  return {
    publicKeys: [
      ...(text?.match(/-----BEGIN PUBLIC KEY-----[\s\S]+?-----END PUBLIC KEY-----/g) ?? []),
      ...operatorKeys,
    ],
    ...(head === undefined ? {} : { head }),
  };
}

function keyIdOf(der: Buffer): string {
  return createHash('sha256').update(der).digest('hex').slice(0, 16);
}

function headFileOf(keyFile: string, environment: string): string {
  return `${keyFile}.${environment}.head`;
}

async function readOrCreateKey(keyFile: string) {
  try {
    const text = (await readIfThere(keyFile)) ?? (await createKey(keyFile));
    rememberSecret(text);
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType !== 'ed25519') throw new TypeError(`it is an ${key.asymmetricKeyType} key, not Ed25519`);
    const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
    // A key that was lost leaves its public key behind, which still tells what it had signed: the new one comes beside it.
    const known = (await readIfThere(`${keyFile}.pub`)) ?? '';
    if (!known.includes(publicKey.trim())) {
      await writeDurably(
        `${keyFile}.pub`,
        `${known === '' || known.endsWith('\n') ? known : `${known}\n`}${publicKey}`,
      );
    }
    return key;
  } catch (cause) {
    throw new FailedProblem({
      code: 'audit-key',
      happened: `The audit key ${keyFile} cannot be used: ${(cause as Error).message}.`,
      state: 'Nothing was started.',
      next: 'Make the file readable, or move it away so that a new key is made. Keep its .pub file: entries signed with the old key need it.',
      cause,
    });
  }
}

/** The key that is in the file afterwards. If two processes make one at the same time, it is the key of the first. */
async function createKey(keyFile: string): Promise<string> {
  const text = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await mkdir(dirname(keyFile), { recursive: true, mode: 0o700 });
  const temporary = `${keyFile}.${randomUUID()}.tmp`;
  await writeFile(temporary, text, { mode: 0o600, flush: true });
  try {
    await link(temporary, keyFile);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(temporary);
  }
  return readFile(keyFile, 'utf8');
}

const headShape = z.object({ sequence: z.number().int().positive(), hash: z.string() });

async function readHead(headFile: string): Promise<AuditHead | undefined> {
  const text = await readIfThere(headFile);
  if (text === undefined) return undefined;
  try {
    return headShape.parse(JSON.parse(text));
  } catch (cause) {
    throw new FailedProblem({
      code: 'audit-key',
      happened: `${headFile} is not a record of an audit head.`,
      state: 'Nothing was changed.',
      next: 'Verify the chain on a machine without this file (`cardea audit`), then remove the file; it is written again.',
      cause,
    });
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
