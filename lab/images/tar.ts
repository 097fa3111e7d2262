import { FailedProblem } from '../../src/model/problem.ts';

/**
 * Writes `names` below the folder into an archive. The same files make the same bytes: neither times nor owners are kept. `of`: for messages,
 * what cannot be made without it. Throws FailedProblem `lab-image-not-written`.
 */
export async function writeTar({
  folder,
  archive,
  names,
  of,
}: {
  readonly folder: string;
  readonly archive: string;
  readonly names: readonly string[];
  readonly of: 'image' | 'layer';
}): Promise<void> {
  const same = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--format=gnu'];
  const { execa } = await import('execa');
  const args = [...same, '--create', `--file=${archive}`, `--directory=${folder}`, ...names];
  const { failed, stderr } = await execa('tar', args, { reject: false, stdin: 'ignore' });
  if (!failed) return;
  throw new FailedProblem({
    code: 'lab-image-not-written',
    happened: `tar could not write ${archive}.`,
    state: `The ${of} was not made; others are kept.`,
    next: 'Check the free space on the disk, then run the same command again.',
    details: stderr.trimEnd().split('\n').slice(-6),
  });
}
