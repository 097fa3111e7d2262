import { readFile, stat } from 'node:fs/promises';
import { errorCode } from '../../model/error-code.ts';
import { z } from 'zod';
import { RefusedProblem } from '../../model/problem.ts';
import { rememberSecret } from '../../model/secrets.ts';

const profile = z.object({
  aws_access_key_id: z.string().min(1),
  aws_secret_access_key: z.string().min(1),
  aws_session_token: z.string().min(1).optional(),
});

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * The credentials of a file for each call, read again whenever the file changed. While it cannot be used, as in the
 * middle of being replaced, the last ones go on: whether they still hold is the server's to say. Throws as
 * `readCredentials` does when there never were any.
 */
export function freshCredentials(path: string): () => Promise<S3Credentials & { readonly expiration: Date }> {
  let known: { readonly version: string; readonly credentials: S3Credentials } | undefined;
  return async () => {
    const version = await versionOf(path);
    if (known === undefined || version !== known.version) {
      try {
        known = { version, credentials: await readCredentials(path) };
      } catch (thrown) {
        if (known === undefined) throw thrown;
      }
    }
    // The SDK keeps credentials that do not expire soon for good, and asks for others again at each call.
    return { ...known.credentials, expiration: new Date(Date.now() + 60_000) };
  };
}

/** Another text whenever the file, or what a link in its path leads to, is another one. */
async function versionOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return 'missing';
  }
}

/** Reads the profile `default` of a file in the AWS CLI's form. Throws RefusedProblem `store-credentials`, which never quotes the file. */
export async function readCredentials(path: string): Promise<S3Credentials> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    throw refused(path, `it cannot be read (${errorCode(thrown) ?? 'unknown'})`);
  }
  const parsed = profile.safeParse(sectionOf(text, 'default'));
  if (!parsed.success) {
    const lacking = parsed.error.issues.map((issue) => issue.path.join('.')).join(' and ');
    throw refused(path, `its profile "default" lacks ${lacking}`);
  }
  const {
    aws_access_key_id: accessKeyId,
    aws_secret_access_key: secretAccessKey,
    aws_session_token: token,
  } = parsed.data;
  for (const secret of [accessKeyId, secretAccessKey, token ?? '']) rememberSecret(secret);
  return token === undefined ? { accessKeyId, secretAccessKey } : { accessKeyId, secretAccessKey, sessionToken: token };
}

function sectionOf(text: string, wanted: string): Record<string, string> {
  const found: Record<string, string> = {};
  let section = '';
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const head = /^\[(?:profile\s+)?([^\]]+)\]$/.exec(line);
    if (head !== null) section = head[1]?.trim() ?? '';
    const at = line.indexOf('=');
    if (head !== null || section !== wanted || at < 0 || line.startsWith('#') || line.startsWith(';')) continue;
    found[line.slice(0, at).trim().toLowerCase()] = line.slice(at + 1).trim();
  }
  return found;
}

function refused(path: string, why: string): RefusedProblem {
  return new RefusedProblem({
    code: 'store-credentials',
    happened: `The S3 credentials file ${path} cannot be used: ${why}.`,
    state: 'Nothing was read from or written to the bucket.',
    next: 'Write the file with a section [default] that holds aws_access_key_id and aws_secret_access_key. Its mode must be 0600.',
  });
}
