import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../src/model/problem.ts';
import { ctr } from './ctr.ts';
import { findProgram } from './debian.ts';
import { type ScratchImage, writeImageArchive } from './image-archive.ts';
import type { Lab } from './lab.ts';
import { partFolder } from './part-build.ts';
import { labPart } from './parts.ts';

/** What every pod's first container runs. Named in full: containerd looks for `docker.io/…`. */
export const pauseImage = 'docker.io/cardea/pause:lab';
/** A shell and the usual small programs, for tests and volumes. */
export const shellImage = 'docker.io/cardea/shell:lab';
export const dnsImage = `docker.io/cardea/coredns:${labPart('coredns').version}`;

/** The images of the lab itself, each from one program. */
export function labImages(lab: Pick<Lab, 'cache'>): readonly ScratchImage[] {
  const busybox = findProgram('busybox') ?? '/bin/busybox';
  const coredns = join(partFolder(lab.cache, labPart('coredns')), 'coredns');
  return [
    {
      name: pauseImage,
      files: { 'bin/sleep': busybox },
      entrypoint: ['/bin/sleep', 'infinity'],
      user: '65535',
    },
    {
      name: shellImage,
      files: Object.fromEntries(applets.map((name) => [`bin/${name}`, busybox])),
      entrypoint: ['/bin/sh'],
      user: '0',
    },
    { name: dnsImage, files: { coredns }, entrypoint: ['/coredns'], user: '65532' },
  ];
}

const applets = ['sh', 'cat', 'echo', 'sleep', 'ls', 'mkdir', 'rm', 'wget', 'nslookup', 'nc', 'httpd', 'true', 'test'];

/** Brings the images that containerd lacks. Throws FailedProblem `lab-image-not-imported`. */
export async function importImages(lab: Lab, images: readonly ScratchImage[], say: (line: string) => void) {
  const present = new Set((await run(lab, ['images', 'list', '--quiet'])).split('\n'));
  for (const image of images.filter(({ name }) => !present.has(name))) {
    say(`image ${image.name.replace('docker.io/', '')}`);
    const archive = join(lab.places.images, `${image.name.replaceAll(/[/:]/g, '_')}.tar`);
    try {
      await writeImageArchive(image, archive);
      await run(lab, ['images', 'import', archive]);
    } finally {
      // containerd has its own copy.
      rmSync(archive, { force: true });
    }
  }
}

async function run(lab: Lab, args: readonly string[]): Promise<string> {
  const [program, ...before] = ctr(lab);
  const { execa } = await import('execa');
  const { failed, stdout, stderr } = await execa(program, [...before, ...args], { reject: false, stdin: 'ignore' });
  if (!failed) return stdout;
  throw new FailedProblem({
    code: 'lab-image-not-imported',
    happened: `containerd refused \`ctr ${args.slice(0, 2).join(' ')}\`.`,
    state: 'Images brought before stay.',
    next: 'See `cardea lab status`, then run `cardea lab up` again.',
    details: stderr.trimEnd().split('\n').slice(-6),
  });
}
