/** The 32-bit number, with its sign, at `bytes[at..at+4)`, the highest byte first. Without a view, because entries are short and views are not cheap. */
export function intAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
