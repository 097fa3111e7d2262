import { commitSlot } from '../../../src/model/commit-slot.ts';
import { formatInstant, type Micros } from '../../../src/model/instant.ts';
import type { LogReturn } from './replay-ring.ts';

/**
 * Cassandra's own point-in-time restore, as its documentation has it: archived segments and `restore_point_in_time`. In its favour it is
 * given the microsecond of additions in JanusGraph's slot, so that no transaction is cut in two by the instant itself.
 */
export function stockReturn(instant: Micros): LogReturn {
  return {
    archiving: ({ segments }) => [
      `restore_directories=${segments}`,
      'restore_command=/bin/ln %from %to',
      `restore_point_in_time=${stockTime(commitSlot(instant))}`,
      'precision=MICROSECONDS',
    ],
  };
}

/** `2026:02:19 02:00:00.000001`, in GMT. */
function stockTime(instant: Micros): string {
  return formatInstant(instant).slice(0, -1).replace('T', ' ').replaceAll('-', ':');
}
