import type { NodeFiles } from '../../src/ports/node-files.ts';
import type { MemoryFiles } from './memory-files.ts';

/** Nothing more can be written than was freed since, or than `spare` has room for. Names need none. */
export function fullDisk(disk: MemoryFiles, files: NodeFiles = disk.as(), spare = 0): NodeFiles {
  const capacity = usedBytes(disk) + spare;
  return withRoom(disk, files, () => capacity);
}

/** The same of a disk that holds so many bytes. */
export function withRoom(disk: MemoryFiles, files: NodeFiles, capacity: () => number): NodeFiles {
  const room = (bytes: number) => {
    if (usedBytes(disk) + bytes > capacity()) throw noSpace();
  };
  return {
    ...files,
    writeWhole: async (path, text) => {
      room(text.length);
      await files.writeWhole(path, text);
    },
    append: async (path, bytes, like) => {
      room(bytes.length);
      await files.append(path, bytes, like);
    },
    copy: async (from, to) => {
      room(disk.read(from)?.length ?? 0);
      return files.copy(from, to);
    },
  };
}

export function usedBytes(disk: MemoryFiles): number {
  return [...disk.below('/').values()].reduce((sum, text) => sum + text.length, 0);
}

export function noSpace(): Error {
  return Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
}
