import { sha256 } from '../../src/model/sha256.ts';
import { linkSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../../src/model/problem.ts';
import { ctr } from './ctr.ts';
import { type BuiltLayer, builtLayer } from './image-layer.ts';
import type { Lab } from '../lab.ts';
import type { LayeredImage } from './layered-image.ts';

/**
 * Brings an image whose layers are built into containerd, unless the very same is there. Throws FailedProblem `lab-image-not-imported`.
 * The form is an OCI image layout (https://github.com/opencontainers/image-spec/blob/main/image-layout.md), read from a pipe.
 */
export async function importLayeredImage(lab: Lab, image: LayeredImage, say: (line: string) => void): Promise<void> {
  const { manifest, blobs, layers } = ociImage(image, lab.cache);
  if ((await digestsOf(lab)).get(image.name) === `sha256:${manifest}`) return;
  say(`image ${image.name}`);
  mkdirSync(lab.places.images, { recursive: true });
  const layout = mkdtempSync(join(lab.places.images, '.layout-'));
  try {
    const folder = join(layout, 'blobs', 'sha256');
    mkdirSync(folder, { recursive: true });
    for (const [digest, content] of blobs) writeFileSync(join(folder, digest), content);
    for (const { digest, file } of layers) link(file, join(folder, digest));
    writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    writeFileSync(join(layout, 'index.json'), indexOf(image.name, manifest, blobs.get(manifest) ?? ''));
    await importLayout(lab, image.name, layout);
  } finally {
    rmSync(layout, { recursive: true, force: true });
  }
}

interface OciImage {
  /** Digest of the manifest: the image's own. */
  readonly manifest: string;
  /** Small documents, by their SHA-256 in hex. */
  readonly blobs: ReadonlyMap<string, string>;
  readonly layers: readonly BuiltLayer[];
}

/** The image as OCI documents. The same layers and configuration make the same digest. */
export function ociImage({ name, layers: sources, configuration }: LayeredImage, cache: string): OciImage {
  const layers = sources.map((each) => {
    const built = builtLayer(each, cache);
    if (built !== undefined) return built;
    throw notImported(`import ${name}`, [`the layer ${each.title} is missing`]);
  });
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Entrypoint: configuration.entrypoint,
      User: configuration.user,
      Env: Object.entries(configuration.environment).map(([variable, value]) => `${variable}=${value}`),
      WorkingDir: '/tmp',
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
    history: sources.map(({ title }) => ({ created: '1970-01-01T00:00:00Z', created_by: title })),
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: layers.map(({ digest, bytes }) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: `sha256:${digest}`,
      size: bytes,
    })),
  });
  const blobs = new Map([config, manifest].map((content) => [sha256(content), content]));
  return { manifest: sha256(manifest), blobs, layers };
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';

function indexOf(name: string, digest: string, manifest: string): string {
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name };
  const size = Buffer.byteLength(manifest);
  return JSON.stringify({
    schemaVersion: 2,
    manifests: [{ mediaType: manifestType, digest: `sha256:${digest}`, size, annotations }],
  });
}

function descriptor(mediaType: string, content: string): object {
  return { mediaType, digest: `sha256:${sha256(content)}`, size: Buffer.byteLength(content) };
}

/** Layers are hundreds of megabytes: a name more, where the file system can, and no copy. */
function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/** Digests of the images that Kubernetes sees, by name. */
async function digestsOf(lab: Lab): Promise<ReadonlyMap<string, string>> {
  const [program, ...args] = [...ctr(lab), 'images', 'list'] as const;
  const { execa } = await import('execa');
  const { failed, stdout, stderr } = await execa(program, args, { reject: false, stdin: 'ignore' });
  if (failed) throw notImported('list its images', stderr.trimEnd().split('\n').slice(-6));
  return new Map(
    stdout.split('\n').map((line) => {
      const [name = '', , digest = ''] = line.split(/\s+/);
      return [name, digest];
    }),
  );
}

async function importLayout(lab: Lab, name: string, layout: string): Promise<void> {
  const [program, ...args] = [...ctr(lab), 'images', 'import', '-'] as const;
  const { execa } = await import('execa');
  const contents = ['oci-layout', 'index.json', 'blobs'];
  const archive = execa('tar', ['--create', '--file=-', `--directory=${layout}`, ...contents], {
    reject: false,
    stdin: 'ignore',
    buffer: { stdout: false },
  });
  const { failed, stderr } = await archive.pipe(program, args, { reject: false });
  if (failed) throw notImported(`take ${name}`, stderr.trimEnd().split('\n').slice(-6));
}

function notImported(what: string, details: readonly string[]): FailedProblem {
  return new FailedProblem({
    code: 'lab-image-not-imported',
    happened: `containerd did not ${what}.`,
    state: 'Images that were imported before are kept.',
    next: 'See `cardea lab status`, then run `cardea lab up` again.',
    details,
  });
}
