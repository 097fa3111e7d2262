import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      dev: z.boolean().optional(),
      devOptional: z.boolean().optional(),
      dependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

export interface NpmPackage {
  /** Below the checkout: `node_modules/zod`. */
  readonly path: string;
  readonly version: string;
}

/** The program that runs all of it comes as packages too, one a processor, and has a layer of its own. */
const runtime = /^node_modules\/node-linux-/;

/** What `npm ci --omit=dev` installs, Node itself aside, by the lock file. Sorted by path. */
export function productionPackages(checkout: string): readonly NpmPackage[] {
  return Object.entries(readLock(checkout).packages)
    .filter(
      ([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true && !runtime.test(path),
    )
    .map(([path, { version = '' }]) => ({ path, version }))
    .filter(({ path }) => existsSync(join(checkout, path)))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Those named with all that they need, by the lock file. */
export function packagesFor(checkout: string, names: readonly string[]): readonly NpmPackage[] {
  const { packages } = readLock(checkout);
  const found = new Map<string, NpmPackage>();
  const visit = (name: string, from: string): void => {
    const path = resolve(name, from, (each) => each in packages);
    const entry = path === undefined ? undefined : packages[path];
    if (path === undefined || entry === undefined || found.has(path)) return;
    found.set(path, { path, version: entry.version ?? '' });
    for (const each of Object.keys(entry.dependencies ?? {})) visit(each, path);
  };
  for (const name of names) visit(name, '');
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** As Node looks for it: in the package's own node_modules, then in those around it. */
function resolve(name: string, from: string, isThere: (path: string) => boolean): string | undefined {
  const path = `${from === '' ? '' : `${from}/`}node_modules/${name}`;
  if (isThere(path)) return path;
  if (from === '') return undefined;
  return resolve(name, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))), isThere);
}

function readLock(checkout: string): z.infer<typeof lockFile> {
  return lockFile.parse(JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8')));
}
