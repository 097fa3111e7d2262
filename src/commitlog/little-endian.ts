/** The 32-bit number, with its sign, at `bytes[at..at+4)`, the lowest byte first. Without a view, as in big-endian.ts. */
export function lowFirstIntAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
