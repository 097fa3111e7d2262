import { formatSeconds } from '../../../model/duration.ts';
import { folders } from '../../../host/folders.ts';
import { installS3Server } from '../../../toolchain/s3-server-build.ts';
import { ensureSandboxToolchain } from '../../../platforms/sandbox/sandbox-toolchain.ts';
import type { Action } from '../../command.ts';
import { progressLine } from '../../terminal/progress-line.ts';
import type { setup } from './declaration.ts';

export const action: Action<typeof setup> = async (context, input) => {
  const { clock, output, flags, signal } = context;
  const began = clock.monotonic();
  const cache = folders().toolchain;
  const line = await progressLine(output, 'setup', () => clock.now(), flags.quiet || flags.json);
  try {
    const { java, medusa } = await ensureSandboxToolchain({ progress: line.report, signal });
    const server =
      input.store === 's3' ? await installS3Server(cache, { say: (text) => output.note(text), signal }) : undefined;
    line.end();
    const seconds = clock.monotonic() - began;
    return {
      json: { ok: true, cache, java, medusa, seconds, ...(server === undefined ? {} : { s3Server: server }) },
      text: `Everything that the sandbox needs is in ${cache} (${formatSeconds(seconds)}).`,
    };
  } finally {
    line.end();
  }
};
