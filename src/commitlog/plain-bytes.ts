/** The same bytes as a bare Uint8Array: taking a part of a Buffer makes a Buffer, which costs many times as much, and logs consist of small parts. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
