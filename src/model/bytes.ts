import { z } from 'zod';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `0 B`, `13.4 MiB`, `500 GiB` for people. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A size as people write it: `512MiB`, `4GiB`. */
export const byteSize = z
  .string()
  .regex(/^\d+(\.\d+)?(B|KiB|MiB|GiB|TiB|PiB)$/, 'a size looks like 512MiB, 4GiB or 1.5TiB');

/** Of a text that `byteSize` has accepted. */
export function bytesOf(text: string): number {
  const [, value = '', unit = ''] = /^([\d.]+)([A-Za-z]+)$/.exec(text) ?? [];
  const power = units.indexOf(unit);
  if (power < 0) throw new RangeError(`"${text}" is not a size`);
  return Math.round(Number(value) * 1024 ** power);
}
