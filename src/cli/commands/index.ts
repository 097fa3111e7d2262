import { agent } from './agent/declaration.ts';
import { agents } from './agents/declaration.ts';
import { agentsBind } from './agents-bind/declaration.ts';
import { audit } from './audit/declaration.ts';
import { backup } from './backup/declaration.ts';
import { check } from './check/declaration.ts';
import { type Command, type CommandGroup, command } from '../command.ts';
import { config } from './config/declaration.ts';
import { demo } from './demo/declaration.ts';
import { doctor } from './doctor/declaration.ts';
import { init } from './init/declaration.ts';
import { labUp } from './lab-up/declaration.ts';
import { labDown } from './lab-down/declaration.ts';
import { labStatus } from './lab-status/declaration.ts';
import { labTest } from './lab-test/declaration.ts';
import { points } from './points/declaration.ts';
import { rehearse } from './rehearse/declaration.ts';
import { restore } from './restore/declaration.ts';
import { restoreAccept } from './restore-accept/declaration.ts';
import { restoreRevert } from './restore-revert/declaration.ts';
import { runs } from './runs/declaration.ts';
import { runShow } from './run-show/declaration.ts';
import { runResume } from './run-resume/declaration.ts';
import { runCancel } from './run-cancel/declaration.ts';
import { log } from './log/declaration.ts';
import { logs } from './logs/declaration.ts';
import { sandboxUp } from './sandbox-up/declaration.ts';
import { sandboxDown } from './sandbox-down/declaration.ts';
import { sandboxStatus } from './sandbox-status/declaration.ts';
import { setup } from './setup/declaration.ts';
import { ship } from './ship/declaration.ts';
import { status } from './status/declaration.ts';
import { transactions } from './transactions/declaration.ts';
import { undo } from './undo/declaration.ts';
import { window } from './window/declaration.ts';

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = [
  command(demo, () => import('./demo/action.ts')),
  command(backup, () => import('./backup/action.ts')),
  command(restore, () => import('./restore/action.ts')),
  command(restoreAccept, () => import('./restore-accept/action.ts')),
  command(restoreRevert, () => import('./restore-revert/action.ts')),
  command(undo, () => import('./undo/action.ts')),
  command(rehearse, () => import('./rehearse/action.ts')),
  command(ship, () => import('./ship/action.ts')),
  command(check, () => import('./check/action.ts')),
  command(status, () => import('./status/action.ts')),
  command(points, () => import('./points/action.ts')),
  command(window, () => import('./window/action.ts')),
  command(transactions, () => import('./transactions/action.ts')),
  command(log, () => import('./log/action.ts')),
  command(agents, () => import('./agents/action.ts')),
  command(doctor, () => import('./doctor/action.ts')),
  command(audit, () => import('./audit/action.ts')),
  command(runs, () => import('./runs/action.ts')),
  command(runShow, () => import('./run-show/action.ts')),
  command(runResume, () => import('./run-resume/action.ts')),
  command(runCancel, () => import('./run-cancel/action.ts')),
  command(logs, () => import('./logs/action.ts')),
  command(init, () => import('./init/action.ts')),
  command(config, () => import('./config/action.ts')),
  command(setup, () => import('./setup/action.ts')),
  command(agentsBind, () => import('./agents-bind/action.ts')),
  command(sandboxUp, () => import('./sandbox-up/action.ts')),
  command(sandboxDown, () => import('./sandbox-down/action.ts')),
  command(sandboxStatus, () => import('./sandbox-status/action.ts')),
  command(labUp, () => import('./lab-up/action.ts')),
  command(labDown, () => import('./lab-down/action.ts')),
  command(labStatus, () => import('./lab-status/action.ts')),
  command(labTest, () => import('./lab-test/action.ts')),
  command(agent, () => import('./agent/action.ts')),
];

/** Words that only group the commands below them: `cardea run show`. */
export const groups: ReadonlyArray<{ readonly name: string; readonly group: CommandGroup; readonly summary: string }> =
  [
    { name: 'run', group: 'Runs', summary: 'Show, resume or cancel one run.' },
    { name: 'sandbox', group: 'Setup', summary: 'Run environments as processes on this machine.' },
    { name: 'lab', group: 'Setup', summary: 'Run a real single-node Kubernetes cluster on this machine.' },
  ];
