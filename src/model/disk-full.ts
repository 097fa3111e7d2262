import { errorCode } from './error-code.ts';

/** Whether a fault says that a disk, or the part of it that this user may fill, has no room left. Its causes are asked as well. */
export function isDiskFull(thrown: unknown): boolean {
  for (let fault = thrown, depth = 0; fault instanceof Error && depth < 8; fault = fault.cause, depth += 1) {
    const code = errorCode(fault);
    if (code === 'ENOSPC' || code === 'EDQUOT') return true;
  }
  return false;
}
