import { agent } from './agent.ts';
import { audit } from './audit.ts';
import { backup } from './backup.ts';
import { check } from './check.ts';
import { type Command, type CommandGroup, command } from './command.ts';
import { config } from './config.ts';
import { demo } from './demo.ts';
import { doctor } from './doctor.ts';
import { init } from './init.ts';
import { labDown, labStatus, labTest, labUp } from './lab.ts';
import { points } from './points.ts';
import { rehearse } from './rehearse.ts';
import { restore, restoreAccept, restoreRevert } from './restore.ts';
import { logs, runCancel, runResume, runShow, runs } from './runs.ts';
import { sandboxDown, sandboxStatus, sandboxUp } from './sandbox.ts';
import { setup } from './setup.ts';
import { status } from './status.ts';
import { transactions } from './transactions.ts';
import { undo } from './undo.ts';
import { window } from './window.ts';

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = [
  command(demo, () => import('./actions/demo.ts')),
  command(backup, () => import('./actions/backup.ts')),
  command(restore, () => import('./actions/restore.ts')),
  command(restoreAccept, () => import('./actions/restore-accept.ts')),
  command(restoreRevert, () => import('./actions/restore-revert.ts')),
  command(undo, () => import('./actions/undo.ts')),
  command(rehearse, () => import('./actions/rehearse.ts')),
  command(check, () => import('./actions/check.ts')),
  command(status, () => import('./actions/status.ts')),
  command(points, () => import('./actions/points.ts')),
  command(window, () => import('./actions/window.ts')),
  command(transactions, () => import('./actions/transactions.ts')),
  command(doctor, () => import('./actions/doctor.ts')),
  command(audit, () => import('./actions/audit.ts')),
  command(runs, () => import('./actions/runs.ts')),
  command(runShow, () => import('./actions/run-show.ts')),
  command(runResume, () => import('./actions/run-resume.ts')),
  command(runCancel, () => import('./actions/run-cancel.ts')),
  command(logs, () => import('./actions/logs.ts')),
  command(init, () => import('./actions/init.ts')),
  command(config, () => import('./actions/config.ts')),
  command(setup, () => import('./actions/setup.ts')),
  command(sandboxUp, () => import('./actions/sandbox-up.ts')),
  command(sandboxDown, () => import('./actions/sandbox-down.ts')),
  command(sandboxStatus, () => import('./actions/sandbox-status.ts')),
  command(labUp, () => import('./actions/lab-up.ts')),
  command(labDown, () => import('./actions/lab-down.ts')),
  command(labStatus, () => import('./actions/lab-status.ts')),
  command(labTest, () => import('./actions/lab-test.ts')),
  command(agent, () => import('./actions/agent.ts')),
];

/** Words that only hold commands below them: `cardea run show`. */
export const groups: ReadonlyArray<{ readonly name: string; readonly group: CommandGroup; readonly summary: string }> =
  [
    { name: 'run', group: 'Runs', summary: 'Show, resume or cancel one run.' },
    { name: 'sandbox', group: 'Setting up', summary: 'Environments as processes on this machine.' },
    { name: 'lab', group: 'Setting up', summary: 'A real single-node Kubernetes on this machine.' },
  ];
