import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Where a command writes. Results go to standard output; progress and warnings go to standard error. */
export interface Output {
  /** True when a person looks at standard error: the live view may move the cursor. */
  readonly live: boolean;
  readonly columns: number;
  /** Colours for standard output; plain text when it is no terminal, with `--no-color` or NO_COLOR. */
  readonly paint: Paint;
  /** Colours for standard error. */
  readonly paintNote: Paint;
  /** A line of the result, to standard output. */
  line(text: string): void;
  /** A line about progress, to standard error; silent with `--quiet`. */
  note(text: string): void;
  /** A line that is printed even with `--quiet`, to standard error. */
  warn(text: string): void;
}

export type Paint = (style: Style, text: string) => string;

export const noPaint: Paint = (_style, text) => text;

export function terminalOutput(flags: { readonly quiet: boolean; readonly color: boolean }): Output {
  quietPipes();
  const { stdout, stderr } = process;
  return {
    // A terminal that says it has no rows (some CI runners) would show nothing of a moving tree.
    live: stderr.isTTY && stderr.rows > 0 && !flags.quiet,
    columns: stderr.columns ?? 80,
    paint: flags.color ? painter(stdout) : noPaint,
    paintNote: flags.color ? painter(stderr) : noPaint,
    line: (text) => void stdout.write(`${text}\n`),
    note: (text) => void (flags.quiet || stderr.write(`${text}\n`)),
    warn: (text) => void stderr.write(`${text}\n`),
  };
}

function painter(stream: NodeJS.WriteStream): Paint {
  return (style, text) => styleText(style, text, { stream });
}

let piped = false;

/** A reader that left (`| head`) must not stop a backup: what is written after that is dropped. */
function quietPipes(): void {
  if (piped) return;
  piped = true;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

/** Resolves when everything written so far has left the process: a pipe is written asynchronously, and exiting would cut it. */
export async function flushed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.destroyed || !stream.writable) continue;
    await new Promise<void>((resolve) => {
      stream.write('', () => {
        resolve();
      });
    });
  }
}
