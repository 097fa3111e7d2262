import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../../src/model/problem.ts';
import { ctr } from './ctr.ts';
import { findProgram } from '../../src/toolchain/programs.ts';
import { type ScratchImage, writeImageArchive } from './image-archive.ts';
import type { Lab } from '../lab.ts';

/** What every pod's first container runs. Named in full: containerd looks for `docker.io/…`. */
export const pauseImage = 'docker.io/cardea/pause:lab';
/** A shell, the usual small programs and curl, for tests and volumes. */
export const shellImage = 'docker.io/cardea/shell:lab';

/** The images of the lab itself. */
export async function labImages(): Promise<readonly ScratchImage[]> {
  const busybox = findProgram('busybox') ?? '/bin/busybox';
  const { execa } = await import('execa');
  const applets = (await execa(busybox, ['--list'], { stdin: 'ignore' })).stdout.split('\n');
  return [
    {
      name: pauseImage,
      files: { 'bin/sleep': busybox },
      entrypoint: ['/bin/sleep', 'infinity'],
      user: '65535',
    },
    {
      name: shellImage,
      files: {
        ...Object.fromEntries(applets.map((name) => [`bin/${name}`, busybox])),
        // A static program of glibc ends with a fault when it resolves a name; this one brings what it is linked to.
        ...(await withLibraries(findProgram('curl') ?? '/usr/bin/curl')),
      },
      entrypoint: ['/bin/sh'],
      user: '0',
    },
  ];
}

/** A program of the host with the libraries that it is linked to, each at the host's path. */
export async function withLibraries(program: string): Promise<ScratchImage['files']> {
  const { execa } = await import('execa');
  const { stdout } = await execa('ldd', [program], { stdin: 'ignore' });
  const files = [program, ...(stdout.match(/\/\S+/g) ?? [])];
  return Object.fromEntries(files.map((file) => [file.slice(1), file]));
}

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
    happened: `The command \`ctr ${args.slice(0, 2).join(' ')}\` of containerd failed.`,
    state: 'Images that were imported before are kept.',
    next: 'See `cardea lab status`, then run `cardea lab up` again.',
    details: stderr.trimEnd().split('\n').slice(-6),
  });
}
