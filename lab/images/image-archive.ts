import { createHash } from 'node:crypto';
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { writeTar } from './tar.ts';

/** An image made from nothing but the files named: enough for programs that need no library. */
export interface ScratchImage {
  /** With registry and tag: `docker.io/cardea/pause:lab`. */
  readonly name: string;
  /** Path in the image to the file of the host. */
  readonly files: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  /** `0` is root. */
  readonly user: string;
}

/**
 * Writes the image as an archive that containerd imports (the form of `docker save`: https://github.com/moby/docker-image-spec). The same
 * files make the same bytes. `archive` appears whole or not at all.
 */
export async function writeImageArchive(image: ScratchImage, archive: string): Promise<void> {
  mkdirSync(dirname(archive), { recursive: true });
  const work = mkdtempSync(join(dirname(archive), '.image-'));
  try {
    const root = join(work, 'root');
    place(image.files, root);
    const parts = join(work, 'parts');
    mkdirSync(parts);
    await writeTar({ folder: root, archive: join(parts, 'layer.tar'), names: ['.'], of: 'image' });
    const layer = createHash('sha256')
      .update(readFileSync(join(parts, 'layer.tar')))
      .digest('hex');
    const configuration = JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: { Entrypoint: image.entrypoint, User: image.user, Env: ['PATH=/bin:/usr/bin'], WorkingDir: '/' },
      rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'cardea lab' }],
    });
    const name = `${createHash('sha256').update(configuration).digest('hex')}.json`;
    writeFileSync(join(parts, name), configuration);
    writeFileSync(
      join(parts, 'manifest.json'),
      JSON.stringify([{ Config: name, RepoTags: [image.name], Layers: ['layer.tar'] }]),
    );
    await writeTar({
      folder: parts,
      archive: join(work, 'archive.tar'),
      names: ['manifest.json', name, 'layer.tar'],
      of: 'image',
    });
    renameSync(join(work, 'archive.tar'), archive);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A program under several names is there once. */
function place(files: ScratchImage['files'], root: string): void {
  mkdirSync(join(root, 'tmp'), { recursive: true });
  const placed = new Map<string, string>();
  for (const [path, source] of Object.entries(files)) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    const same = placed.get(source);
    if (same === undefined) copyFileSync(source, target);
    else linkSync(same, target);
    placed.set(source, target);
  }
}
