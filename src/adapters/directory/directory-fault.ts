import { errorCode } from '../../model/error-code.ts';
import { badKey } from '../../model/object-key.ts';
import { asProblem, FailedProblem, Problem, RefusedProblem, RetryableProblem } from '../../model/problem.ts';
import { ConflictProblem } from '../../ports/object-store.ts';

/** A failure of the file system as a problem: no space, no permission, missing, or a key that clashes with another. */
export function directoryFault(thrown: unknown, root: string, key: string): Problem | ConflictProblem {
  if (thrown instanceof Problem || thrown instanceof ConflictProblem) return thrown;
  const cause = thrown;
  switch (errorCode(thrown)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new FailedProblem({
        code: 'store-full',
        happened: `The directory ${root} has no space left for ${key}.`,
        state: 'No part of this object was kept; everything else in the directory is unchanged.',
        next: 'Free space on that file system or raise its quota, then try again.',
        cause,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new RefusedProblem({
        code: 'store-denied',
        happened: `This user has no permission to use ${key === '' ? '' : `${key} in `}the directory ${root} (${errorCode(thrown)}).`,
        state: 'Nothing was written.',
        next: 'Check the owner, the mode and the mount options of that directory, or run as the user who owns it.',
        cause,
      });
    case 'ENOENT':
      return unreachable(root, 'it or its parent directory does not exist', cause);
    case 'EIO':
    case 'ESTALE':
    case 'ENOTCONN':
    case 'ETIMEDOUT':
    case 'EHOSTDOWN':
    case 'EMFILE':
    case 'ENFILE':
    case 'EBUSY':
      return unreachable(root, `the file system answered ${errorCode(thrown)}`, cause);
    case 'EISDIR':
    case 'ENOTDIR':
    case 'EEXIST':
      return badKey(key, 'a directory store cannot hold a folder and an object of the same name');
    case 'ENAMETOOLONG':
      return badKey(key, 'the key is too long for this file system');
    default:
      return asProblem(thrown, `Using ${key} in the directory ${root}`);
  }
}

export function unreachable(root: string, why: string, cause?: unknown): RetryableProblem {
  return new RetryableProblem({
    code: 'store-unreachable',
    happened: `The directory ${root} cannot be used: ${why}.`,
    state: 'Nothing was written.',
    next: 'Check that the path is right and that its file system is mounted, then try again.',
    cause,
  });
}
