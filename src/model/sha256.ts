import { hash } from 'node:crypto';

/** SHA-256 in 64 hex digits; of a text, that of its UTF-8 bytes. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data);
}
