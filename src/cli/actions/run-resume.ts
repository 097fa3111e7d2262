import type { Action } from '../command.ts';
import { resume } from '../operation.ts';
import { environmentOfRun } from '../run-lookup.ts';
import type { runResume } from '../runs.ts';

export const action: Action<typeof runResume> = async (context, input) =>
  resume(context, input.id, await environmentOfRun(context, input.id, input.env));
