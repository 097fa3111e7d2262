import { type ShippingOrder, shippingOrderDocument, shippingOrderKey } from '../../model/shipping-order.ts';
import { Problem } from '../../model/problem.ts';
import { ConflictProblem } from '../../ports/object-store.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { currentTimeline } from './timeline-record.ts';

/** Undefined before any run has paused or started the shipping of this environment. Throws FailedProblem `bad-document`. */
export async function findShippingOrder(bucket: ObjectStore): Promise<ShippingOrder | undefined> {
  const { order, damaged } = await readOrder(bucket);
  if (damaged !== undefined) throw damaged;
  return order;
}

type By = Pick<ShippingOrder, 'run' | 'at'>;

/** Orders every agent to pause. Ordering it again by the same run changes nothing. */
export async function orderPause(bucket: ObjectStore, by: By): Promise<ShippingOrder> {
  return replaceOrder(bucket, async (before) => {
    if (before?.state === 'paused' && before.run === by.run) return undefined;
    return { ...(before ?? { timeline: await currentTimeline(bucket) }), ...by, state: 'paused' };
  });
}

/**
 * Orders every agent to ship to the timeline. Without `after` what was ordered of the same timeline before still holds.
 * Ordering what is ordered already changes nothing, whoever did.
 */
export async function orderShipping(
  bucket: ObjectStore,
  by: By,
  { timeline, after }: Pick<ShippingOrder, 'timeline' | 'after'>,
): Promise<ShippingOrder> {
  return replaceOrder(bucket, async (before) => {
    const same = before?.timeline === timeline;
    const kept = after ?? (same ? before.after : undefined);
    if (same && before.state === 'shipping' && (after === undefined || sameSegments(before.after, after))) {
      return undefined;
    }
    return { ...by, state: 'shipping', timeline, ...(kept === undefined ? {} : { after: kept }) };
  });
}

function sameSegments(left: ShippingOrder['after'], right: NonNullable<ShippingOrder['after']>): boolean {
  const nodes = Object.keys(right);
  return nodes.length === Object.keys(left ?? {}).length && nodes.every((node) => left?.[node] === right[node]);
}

/** `wanted` gives undefined when the order that stands is right. */
async function replaceOrder(
  bucket: ObjectStore,
  wanted: (before: ShippingOrder | undefined) => Promise<Omit<ShippingOrder, 'number'> | undefined>,
): Promise<ShippingOrder> {
  for (;;) {
    const { order: before, etag } = await readOrder(bucket);
    const next = await wanted(before);
    if (next === undefined && before !== undefined) return before;
    if (next === undefined) throw new RangeError('no order stands, and none is wanted');
    const order: ShippingOrder = { ...next, number: numberAfter(before, next) };
    try {
      const condition = etag === undefined ? ({ ifAbsent: true } as const) : { ifMatch: etag };
      await bucket.put(shippingOrderKey, shippingOrderDocument.write(order), condition);
      return order;
    } catch (thrown) {
      // One whose answer was lost is found as it was wanted, and any other is a reason to decide anew.
      if (!(thrown instanceof ConflictProblem)) throw thrown;
    }
  }
}

/**
 * The seconds since 1970, or one more than the order before: an agent follows each number once, and only upwards. So it is above that of every
 * order that the store has damaged, has lost, or has fallen back behind, and of those that were counted from 1 in former times.
 */
function numberAfter(before: ShippingOrder | undefined, { at }: Pick<ShippingOrder, 'at'>): number {
  return Math.max((before?.number ?? 0) + 1, Math.floor(Date.parse(at) / 1000));
}

/** A damaged order is none: whoever gives the next one puts it in its place. */
async function readOrder(bucket: ObjectStore): Promise<{
  readonly order: ShippingOrder | undefined;
  readonly etag: string | undefined;
  readonly damaged?: Problem;
}> {
  const stored = await bucket.get(shippingOrderKey);
  if (stored === undefined) return { order: undefined, etag: undefined };
  try {
    return { order: shippingOrderDocument.read(stored.body, shippingOrderKey), etag: stored.etag };
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'bad-document') throw thrown;
    return { order: undefined, etag: stored.etag, damaged: thrown };
  }
}
