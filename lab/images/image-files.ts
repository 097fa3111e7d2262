import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Paths of all files below a folder that are wanted, relative to it, sorted. */
export function filesBelow(folder: string, wanted: (path: string) => boolean = () => true): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter(wanted)
    .sort();
}

/** Changes when a path or a content does. */
export function hashOfFiles(folder: string, paths: readonly string[]): string {
  const sum = createHash('sha256');
  for (const path of paths)
    sum
      .update(path)
      .update('\0')
      .update(readFileSync(join(folder, path)))
      .update('\0');
  return sum.digest('hex');
}

/** Copies files into a layer. Whoever made them, with whatever umask: they are readable, and a program stays one. */
export function placeFiles(root: string, to: string, from: string, paths: readonly string[]): void {
  for (const path of paths) {
    const target = place(root, join(to, path));
    copyFileSync(join(from, path), target);
    chmodSync(target, (statSync(join(from, path)).mode & 0o111) === 0 ? 0o644 : 0o755);
  }
}

export function placeText(root: string, path: string, content: string, mode: 0o644 | 0o755 = 0o644): void {
  const target = place(root, path);
  writeFileSync(target, content);
  chmodSync(target, mode);
}

/** Path in the root, its folders made. */
export function place(root: string, path: string): string {
  const target = join(root, path);
  for (const folder of foldersOf(path)) {
    const made = mkdirSync(join(root, folder), { recursive: true });
    if (made !== undefined) chmodSync(join(root, folder), 0o755);
  }
  return target;
}

/** `a/b/c` has the folders `a` and `a/b`. */
function foldersOf(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === '.' || folder === '/' ? [] : [...foldersOf(folder), folder];
}
