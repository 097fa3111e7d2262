import { UsageProblem } from './problem.ts';

/** The folder at the root of a directory store that holds Cardea's own temporary files and locks. Never part of a key. */
export const reservedFolder = '.cardea';

/**
 * Refuses a key that one of the stores could not keep, or that would leave the store's directory. Throws UsageProblem `bad-key`.
 * The limits are those of both worlds: 1024 bytes of UTF-8 (S3), 255 bytes a part (Linux), no control character (S3 lists in XML 1.0).
 */
export function checkKey(key: string): void {
  const why = faultOf(key);
  if (why !== undefined) throw badKey(key, why);
}

/** A prefix is the beginning of a key: the same rules, but its last part may be empty or unfinished. */
export function checkPrefix(prefix: string): void {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  if (folder !== '') checkKey(folder.slice(0, -1));
  const rest = prefix.slice(folder.length);
  if (rest !== '' && rest !== '.' && rest !== '..') checkKey(rest);
}

export function badKey(key: string, why: string): UsageProblem {
  return new UsageProblem({
    code: 'bad-key',
    happened: `The key ${JSON.stringify(key)} cannot be used: ${why}.`,
    state: 'Nothing was read or written.',
    next: 'Use a relative key of parts separated by "/", as docs/bucket.md describes.',
  });
}

/** Ascending order of the UTF-8 bytes, which for surrogate pairs is not the order of JavaScript's `<`. */
export function compareKeys(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a === b) continue;
    const aPaired = isSurrogate(a);
    if (aPaired !== isSurrogate(b)) return aPaired ? 1 : -1;
    return a - b;
  }
  return left.length - right.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/** Control characters and the two that XML 1.0 cannot hold; a backslash separates parts elsewhere. */
function isUnfit(character: string): boolean {
  const code = character.charCodeAt(0);
  return code < 0x20 || code === 0x7f || code >= 0xfffe || character === '\\';
}

function faultOf(key: string): string | undefined {
  if (key === '') return 'it is empty';
  if (!key.isWellFormed()) return 'it is not valid Unicode';
  if (key.split('').some(isUnfit)) return 'it contains a backslash or a control character';
  if (Buffer.byteLength(key) > 1024) return 'it is longer than 1024 bytes';
  const parts = key.split('/');
  if (parts[0] === reservedFolder) return `"${reservedFolder}" is Cardea's own folder`;
  for (const part of parts) {
    if (part === '') return 'it has an empty part';
    if (part === '.' || part === '..') return `it contains the part "${part}"`;
    if (Buffer.byteLength(part) > 255) return 'it has a part longer than 255 bytes';
  }
  return undefined;
}
