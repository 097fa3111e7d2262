import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, test } from 'vitest';
import { managementFiles } from '../../lab/images/cassandra-image.ts';

const checkout = join(import.meta.dirname, '../..');

test('the image of Cassandra holds every file that its management API imports, as nothing else shows before a pod runs', () => {
  const files = managementFiles(checkout);
  const missing = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      [...readFileSync(join(checkout, file), 'utf8').matchAll(/^(?:import|export) (?!type )[^;]*?'(\.[^']+)';/gm)].map(
        ([, to = '']) => `${file} imports ${posix.join(posix.dirname(file), to)}`,
      ),
    )
    .filter((line) => !files.includes(line.slice(line.lastIndexOf(' ') + 1)));
  expect(missing).toEqual([]);
  expect(files).toContain('lab/cassandra-image/main.ts');
});
