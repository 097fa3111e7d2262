import { Problem } from '../model/problem.ts';
import { shippingOrderDocument, shippingOrderKey } from '../model/shipping-order.ts';
import { type TimelineId, nextTimelineId, timelineKey, timelineOfFolder, timelineOfKey } from '../model/timeline.ts';
import type { ObjectStore } from './object-store.ts';

/** Needs no record before anything is shipped. */
const first = nextTimelineId(undefined);

/**
 * The timelines that were ever opened, ascending; the last one is written now. Each has a record, but a store may have lost one: then the
 * log that was shipped on it and the order that the agents follow still name it, and a later one tells of all before it, for their ids have
 * no gaps. Were such an id taken for one that nobody has opened, the history before it would be restored in its place, and the next restore
 * would open it a second time. Empty before anything was recorded or shipped.
 */
export async function openedTimelines(bucket: ObjectStore): Promise<readonly TimelineId[]> {
  const named: TimelineId[] = [];
  for await (const key of bucket.children('timelines/')) named.push(...timelineOfKey(key));
  for await (const folder of bucket.children('log/')) named.push(...timelineOfFolder(folder));
  const ordered = await orderedTimeline(bucket);
  // A run orders a pause also where nothing was ever shipped.
  if (ordered !== undefined && ordered !== first) named.push(ordered);
  let newest = named.toSorted().at(-1);
  // A listing may be behind the store.
  for (let next = nextTimelineId(newest); ; next = nextTimelineId(newest)) {
    if ((await bucket.head(timelineKey(next))) === undefined) break;
    newest = next;
  }
  return upTo(newest);
}

function upTo(newest: TimelineId | undefined): readonly TimelineId[] {
  const ids: TimelineId[] = [];
  if (newest !== undefined) for (let id = first; id <= newest; id = nextTimelineId(id)) ids.push(id);
  return ids;
}

async function orderedTimeline(bucket: ObjectStore): Promise<TimelineId | undefined> {
  const stored = await bucket.get(shippingOrderKey);
  try {
    return stored === undefined ? undefined : shippingOrderDocument.read(stored.body, shippingOrderKey).timeline;
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.code === 'bad-document') return undefined;
    throw thrown;
  }
}
