import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../../src/model/problem.ts';
import type { ImageLayer } from './image-layer.ts';

/** Debian packages of an image. */
export interface DebianPackages {
  /** With all that they need. */
  readonly install: readonly string[];
  /** What something depends on and nothing in the image uses. */
  readonly leaveOut: readonly string[];
}

/** The Dockerfile runs it too. */
const script = join(import.meta.dirname, '../../platform/images/cardea/debian-root.sh');

/** The bottom of an image, from the Debian release that this machine's apt knows. What was downloaded once stays until the list changes. */
export function debianLayer(name: string, packages: DebianPackages): ImageLayer {
  const words = [...packages.install, ...packages.leaveOut.map((each) => `-${each}`)];
  return {
    name,
    title: `Debian with ${packages.install.at(-1)}`,
    madeFrom: [readFileSync(script, 'utf8'), ...words],
    async make(root, { work, signal }) {
      const run = async (file: string, args: readonly string[]) => {
        const { execa } = await import('execa');
        return execa(file, args, { all: true, reject: false, stdin: 'ignore', cancelSignal: signal });
      };
      await run('apt-get', ['update', '-qq']);
      const { failed, all } = await run('sh', [script, root, join(work, 'debian'), ...words]);
      signal.throwIfAborted();
      if (failed) throw notMade(packages, all);
    },
  };
}

function notMade({ install }: DebianPackages, said: string): FailedProblem {
  return new FailedProblem({
    code: 'lab-image-not-written',
    happened: `The Debian packages ${install.join(', ')} could not be unpacked for an image.`,
    state: 'Layers that were made before are kept.',
    next: 'Check that `apt-get update` works on this machine and that it is Debian 12, then run the same command again.',
    details: said.trimEnd().split('\n').slice(-8),
  });
}
