import type { Runbook } from '../runbook/define.ts';
import { acceptRunbook } from './accept.ts';
import { backupRunbook } from './backup.ts';
import { rehearseRunbook } from './rehearse.ts';
import { restoreIntoRunbook } from './restore-into.ts';
import { restoreRunbook } from './restore.ts';
import { revertRunbook } from './revert.ts';
import { shipRunbook } from './ship.ts';
import type { RunbookServices } from './services.ts';
import { undoCompensateRunbook } from './undo-compensate.ts';

export {
  acceptRunbook,
  backupRunbook,
  rehearseRunbook,
  restoreIntoRunbook,
  restoreRunbook,
  revertRunbook,
  shipRunbook,
  undoCompensateRunbook,
};
export type { RunbookServices };

/** A journal names its runbook and version. A run of another version of a runbook is not resumed. */
type AnyRunbook = Runbook<never, RunbookServices>;
const all: readonly AnyRunbook[] = [
  backupRunbook,
  restoreRunbook,
  restoreIntoRunbook,
  rehearseRunbook,
  acceptRunbook,
  revertRunbook,
  shipRunbook,
  undoCompensateRunbook,
] as unknown as readonly AnyRunbook[];

export function findRunbook(name: string, version: number): AnyRunbook | undefined {
  return all.find((runbook) => runbook.name === name && runbook.version === version);
}
