/** A mistake as somebody makes one: the error is the engine's own, and its first frame is `plantedAt`. */
export function plantedFault(): number {
  const nothing = undefined as unknown as { readonly bytes: number };
  return nothing.bytes;
}

export const plantedAt = 'test/support/planted-fault.ts:4:';
