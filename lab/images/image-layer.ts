import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FailedProblem } from '../../src/model/problem.ts';
import { withHostLock } from '../../src/host/host-lock.ts';
import { writeTar } from './tar.ts';

/** One layer of an image: what it is made from, and how its files are made. */
export interface ImageLayer {
  readonly name: string;
  /** For people: `Node 24.21.0`. */
  readonly title: string;
  /** All that its bytes depend on. The same means the same layer, and it is not made again. */
  readonly madeFrom: readonly string[];
  /** Fills `root`, an empty folder that becomes `/`. `work` is a folder for the time being. */
  readonly make: (root: string, options: { readonly work: string; readonly signal: AbortSignal }) => Promise<void>;
}

export interface BuiltLayer {
  /** Path of the tar. */
  readonly file: string;
  /** SHA-256 of the tar, in hex. */
  readonly digest: string;
  readonly bytes: number;
}

interface BuildOptions {
  /** Folder of all built parts. */
  readonly cache: string;
  readonly signal: AbortSignal;
}

/** The layer when it is there; undefined when it must be made. */
export function builtLayer(layer: ImageLayer, cache: string): BuiltLayer | undefined {
  const folder = layerFolder(layer, cache);
  if (!existsSync(folder)) return undefined;
  const file = join(folder, 'layer.tar');
  return { file, digest: readFileSync(join(folder, 'digest'), 'utf8').trim(), bytes: statSync(file).size };
}

/**
 * Makes the layer unless it is there; its folder appears by a rename, so one that is there is whole. Two builders take turns.
 * Throws FailedProblem `lab-image-not-written`, and what the layer's own `make` throws.
 */
export async function buildLayer(layer: ImageLayer, { cache, signal }: BuildOptions): Promise<BuiltLayer> {
  const present = builtLayer(layer, cache);
  if (present !== undefined) return present;
  mkdirSync(cache, { recursive: true });
  const prefix = `image-${layer.name}`;
  const lock = { purpose: `making the image layer ${layer.title}`, withinMs: 1_800_000, signal };
  return withHostLock(join(cache, `${prefix}.lock`), lock, async () => {
    const meanwhile = builtLayer(layer, cache);
    if (meanwhile !== undefined) return meanwhile;
    const abandoned = readdirSync(cache).filter((name) => isOf(prefix, name, /^[.](.*)-\w{6}$/));
    for (const name of abandoned) rmSync(join(cache, name), { recursive: true, force: true });
    const work = mkdtempSync(join(cache, `.${prefix}-`));
    try {
      const root = join(work, 'root');
      const result = join(work, 'result');
      for (const folder of [root, result]) mkdirSync(folder);
      await layer.make(root, { work, signal });
      signal.throwIfAborted();
      const file = join(result, 'layer.tar');
      await writeTar({ folder: root, archive: file, names: ['.'], of: 'layer' });
      writeFileSync(join(result, 'digest'), `${await sha256(file)}\n`);
      renameSync(result, layerFolder(layer, cache));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
    forgetOlder(prefix, cache);
    return readBuilt(layer, cache);
  });
}

function readBuilt(layer: ImageLayer, cache: string): BuiltLayer {
  const built = builtLayer(layer, cache);
  if (built !== undefined) return built;
  throw new FailedProblem({
    code: 'lab-image-not-written',
    happened: `The image layer ${layer.title} was made, but somebody removed it from the cache.`,
    state: 'Other layers are kept.',
    next: 'Find out what clears the cache, then run the same command again.',
  });
}

function layerFolder({ name, madeFrom }: ImageLayer, cache: string): string {
  const sum = createHash('sha256');
  for (const each of madeFrom) sum.update(each).update('\0');
  return join(cache, `image-${name}-${sum.digest('hex').slice(0, 12)}`);
}

/** Programs change with every commit: of each layer the last ones are kept, since another checkout may use the one before. */
function forgetOlder(prefix: string, cache: string): void {
  const folders = readdirSync(cache)
    .filter((name) => isOf(prefix, name, /^(.*)-[0-9a-f]{12}$/))
    .map((name) => ({ path: join(cache, name), at: statSync(join(cache, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  for (const { path } of folders.slice(3)) rmSync(path, { recursive: true, force: true });
}

/** One layer's name may begin with another's. */
function isOf(prefix: string, name: string, form: RegExp): boolean {
  return form.exec(name)?.[1] === prefix;
}

async function sha256(file: string): Promise<string> {
  const sum = createHash('sha256');
  await pipeline(createReadStream(file), sum);
  return sum.digest('hex');
}
