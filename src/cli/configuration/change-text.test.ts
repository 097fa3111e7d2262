import { expect, test } from 'vitest';
import { handledText } from './change-text.ts';

const interval = { key: 'backup.log.interval', was: '250ms', is: '1s', takes: 'agents' } as const;

test('a setting that was applied is said with what it was', () => {
  expect(handledText('local', interval)).toBe('backup.log.interval is 1s from now on (it was 250ms)');
});

test('a setting that was not applied is a warning with both values, the reason and the commands', () => {
  expect(handledText('local', { ...interval, obstacle: 'backup-1 is under way' })).toBe(
    'WARNING: backup.log.interval is 1s in the configuration; local has 250ms, and keeps it: backup-1 is under way. When that is over: cardea sandbox up local',
  );
  const heap = { key: 'platform.heapMb', was: '384', is: '512', takes: 'nodes', obstacle: 'its nodes run' } as const;
  expect(handledText('local', heap)).toContain(
    'To change it: cardea sandbox down local --keep-data, then cardea sandbox up local',
  );
  const size = { key: 'datacenter.size', was: '1', is: '3', takes: 'environment', obstacle: 'it was made otherwise' };
  expect(handledText('local', { ...size, takes: 'environment' })).toMatch(
    /^WARNING: datacenter\.size is 3 .* Change it back, or .*: cardea sandbox down local --confirm local, then cardea sandbox up local$/,
  );
});
