import { gunzipSync } from 'node:zlib';
import { UndecodableRow, type ByteReader } from './byte-reader.ts';
import { readCount, writePositive } from './variable-long.ts';

/** Texts longer than this JanusGraph packs with gzip, whose bytes depend on the Java that wrote them. */
export const gzipAbove = 16_000;

/** The length's lowest three bits say how the text is packed; without packing the next bit tells ASCII from the longer form. */
export function readString(reader: ByteReader): string | null {
  const head = readCount(reader);
  if (head === 0) return null;
  const packing = head % 8;
  const length = Math.floor(head / 8);
  if (packing === 1) return unpacked(reader.take(length));
  if (packing !== 0) throw new UndecodableRow(`text is packed in an unknown way (${packing})`);
  return length % 2 === 0 ? readAscii(reader, length / 2) : readUnits(reader, Math.floor(length / 2));
}

function unpacked(bytes: Uint8Array): string {
  try {
    return gunzipSync(bytes).toString('utf8');
  } catch {
    throw new UndecodableRow('packed text cannot be unpacked');
  }
}

/** Ends at the byte whose top bit is set. */
function readAscii(reader: ByteReader, form: number): string {
  if (form === 1) return '';
  if (form !== 2) throw new UndecodableRow('text starts with an unknown mark');
  const { bytes, end } = reader;
  let stop = reader.at;
  while (stop < end && (bytes[stop] as number) < 0x80) stop++;
  if (stop >= end) throw new UndecodableRow('text has no end');
  let text = '';
  if (stop - reader.at < 24) {
    for (let at = reader.at; at < stop; at++) text += String.fromCharCode(bytes[at] as number);
  } else {
    text = Buffer.from(bytes.buffer, bytes.byteOffset + reader.at, stop - reader.at).toString('latin1');
  }
  reader.at = stop + 1;
  return text + String.fromCharCode((bytes[stop] as number) & 0x7f);
}

/** As many UTF-16 units, each in one to three bytes: surrogates are written apart, unlike in UTF-8. */
function readUnits(reader: ByteReader, length: number): string {
  if (length > reader.remaining) throw new UndecodableRow('text is longer than its row');
  let text = '';
  for (let count = 0; count < length; count++) {
    const first = reader.byte();
    if (first < 0x80) text += String.fromCharCode(first);
    else if (first >> 5 === 6) text += String.fromCharCode(((first & 0x1f) << 6) | (reader.byte() & 0x3f));
    else if (first >> 4 === 14) {
      text += String.fromCharCode(((first & 0x0f) << 12) | ((reader.byte() & 0x3f) << 6) | (reader.byte() & 0x3f));
    } else throw new UndecodableRow(`text holds the byte ${first}, which is not the start of a character`);
  }
  return text;
}

/** Texts of at most `gzipAbove` units. */
export function writeString(out: number[], text: string): void {
  const ascii = /^[\0-\x7f]*$/.test(text);
  if (ascii) {
    writePositive(out, text.length === 0 ? 16 : 32);
    for (let at = 0; at < text.length; at++) out.push(text.charCodeAt(at) | (at + 1 === text.length ? 0x80 : 0));
    return;
  }
  writePositive(out, text.length * 16 + 8);
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) out.push(unit);
    else if (unit > 0x7ff) out.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
    else out.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
  }
}

/** The form whose bytes sort like the texts: two bytes a unit, ended by a zero unit. */
export function readOrderedString(reader: ByteReader): string | null {
  const mark = reader.byte();
  if (mark === 0xff) return null;
  let text = '';
  for (let unit = reader.uint16(); unit !== 0; unit = reader.uint16()) text += String.fromCharCode(unit);
  return text;
}
