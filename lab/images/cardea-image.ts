import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FailedProblem } from '../../src/model/problem.ts';
import { type DebianPackages, debianLayer } from './debian-layer.ts';
import { filesBelow, hashOfFiles, placeFiles } from './image-files.ts';
import type { ImageLayer } from './image-layer.ts';
import { imageNames } from './image-names.ts';
import type { LayeredImage } from './layered-image.ts';
import { nodeLayer } from './node-layer.ts';
import { type NpmPackage, productionPackages } from './npm-packages.ts';

/**
 * Cardea's own image: what pipelines, backups and restores run. `medusa` is the program of the sandbox's toolchain. For everyone else
 * platform/images/cardea/Dockerfile makes the same; a test compares the two.
 */
export function cardeaImage({
  checkout,
  medusa,
}: {
  readonly checkout: string;
  readonly medusa: string;
}): LayeredImage {
  return {
    name: imageNames.cardea,
    layers: [
      debianLayer('debian-python', cardeaPackages),
      nodeLayer(checkout),
      medusaLayer(dirname(dirname(medusa))),
      npmLayer('cardea-packages', checkout, 'opt/cardea', productionPackages(checkout)),
      programLayer(checkout),
    ],
    configuration: cardeaConfiguration,
  };
}

/** A shell and the small programs that scripts of steps use, TLS roots, and Python for Medusa. */
export const cardeaPackages: DebianPackages = {
  install: (
    'base-files usr-is-merged netbase tzdata ca-certificates curl dash coreutils findutils sed grep mawk hostname procps ' +
    'libstdc++6 zlib1g python3'
  ).split(' '),
  leaveOut: ['dpkg', 'debconf', 'openssl', 'perl-base', 'tar', 'init-system-helpers'],
};

export const cardeaConfiguration: LayeredImage['configuration'] = {
  user: '65532:65532',
  environment: {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    // The root file system is read-only: what is written goes to /tmp, which pods mount as an emptyDir.
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    NODE_EXTRA_CA_CERTS: '/etc/ssl/certs/ca-certificates.crt',
  },
  entrypoint: ['/usr/local/bin/cardea'],
};

/** What of the checkout is Cardea itself: paths below it, tests and their golden files aside. */
export function cardeaFiles(checkout: string): readonly string[] {
  const source = filesBelow(join(checkout, 'src'), (path) => !/\.test\.ts$|(^|\/)golden-/.test(path));
  return ['LICENSE', 'package.json', ...source.map((path) => `src/${path}`)];
}

const images = join(import.meta.dirname, '../../platform/images/cardea');

function programLayer(checkout: string): ImageLayer {
  const files = cardeaFiles(checkout);
  return {
    name: 'cardea',
    title: 'Cardea',
    madeFrom: [hashOfFiles(checkout, files), hashOfFiles(images, ['cardea'])],
    async make(root) {
      placeFiles(root, 'opt/cardea', checkout, files);
      placeFiles(root, 'usr/local/bin', images, ['cardea']);
    },
  };
}

/** Types, maps, and packages inside of packages, which the lock file lists by themselves. */
const unwanted = /(^|\/)node_modules\/|\.d\.[cm]?ts$|\.map$/;

/** Packages of the checkout's node_modules, at the same place below `to`. */
export function npmLayer(name: string, checkout: string, to: string, packages: readonly NpmPackage[]): ImageLayer {
  return {
    name,
    title: 'npm packages',
    madeFrom: [to, unwanted.source, ...packages.map(({ path, version }) => `${path} ${version}`)],
    async make(root) {
      for (const { path } of packages) {
        const wanted = (file: string) => !unwanted.test(file);
        placeFiles(
          root,
          to,
          checkout,
          filesBelow(join(checkout, path), wanted).map((file) => join(path, file)),
        );
      }
    },
  };
}

function medusaLayer(venv: string): ImageLayer {
  const script = join(images, 'medusa-root.sh');
  return {
    name: 'medusa',
    title: 'Medusa',
    // The folder's name is a hash of all that is pinned in it.
    madeFrom: [venv, readFileSync(script, 'utf8')],
    async make(root, { signal }) {
      const { execa } = await import('execa');
      const { failed, all } = await execa('sh', [script, venv, root], {
        all: true,
        reject: false,
        stdin: 'ignore',
        cancelSignal: signal,
      });
      signal.throwIfAborted();
      if (!failed) return;
      throw new FailedProblem({
        code: 'lab-image-not-written',
        happened: `The image layer of Medusa could not be made from ${venv}.`,
        state: 'Layers that were made before are kept.',
        next: 'Install Medusa with Python 3.11, as on Debian 12, because the image has Python 3.11. Then run the same command again.',
        details: all.trimEnd().split('\n').slice(-8),
      });
    },
  };
}
