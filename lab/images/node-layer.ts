import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { placeFiles } from './image-files.ts';
import type { ImageLayer } from './image-layer.ts';

/** Node 24 from the package that npm brought into the checkout, at /usr/local/bin/node. */
export function nodeLayer(checkout: string): ImageLayer {
  const name = `node-linux-${process.arch}`;
  const folder = join(checkout, 'node_modules', name);
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
  return {
    name: 'node',
    title: `Node ${version}`,
    madeFrom: [name, version],
    make: async (root) => placeFiles(root, 'usr/local/bin', join(folder, 'bin'), ['node']),
  };
}
