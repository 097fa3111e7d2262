import { fstatSync, writeFileSync } from 'node:fs';
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
  const { stdout, stderr } = process;
  return {
    // A terminal that says it has no rows (some CI runners) would show nothing of a moving tree.
    live: stderr.isTTY && stderr.rows > 0 && !flags.quiet,
    columns: stderr.columns ?? 80,
    paint: flags.color ? painter(stdout) : noPaint,
    paintNote: flags.color ? painter(stderr) : noPaint,
    line: (text) => writeResult(`${text}\n`),
    note: (text) => void (flags.quiet || stderr.write(`${text}\n`)),
    warn: (text) => void stderr.write(`${text}\n`),
  };
}

function painter(stream: NodeJS.WriteStream): Paint {
  return (style, text) => styleText(style, text, { stream });
}

let unwritten: NodeJS.ErrnoException | undefined;
let whenUnread: () => void = () => {};

/**
 * To be called before anything is written. A reader that left (`| head`), or a terminal that was closed, must not stop a backup: what is
 * written after that is dropped. That nothing can be written for another reason is kept for `resultLost`; of what is said on the way it is
 * dropped too.
 */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isReaderGone(error)) whenUnread();
    else unwritten ??= error;
  });
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (isReaderGone(error) && isOnePlace()) whenUnread();
  });
}

/** Called when nobody will read the result any more: the reader of standard output left. For commands that do nothing but answer. */
export function onUnread(leave: () => void): void {
  whenUnread = leave;
}

/** Writes to standard output. A file takes it whole or `resultLost` says why not: Node's own stream ignores that a full disk took a part. */
export function writeResult(text: string): void {
  if (!isFile(1)) {
    process.stdout.write(text);
    return;
  }
  try {
    writeFileSync(1, text);
  } catch (error) {
    unwritten ??= error as NodeJS.ErrnoException;
  }
}

/** Why the result, or a part of it, was not written, though somebody wanted it: a full disk. */
export function resultLost(): NodeJS.ErrnoException | undefined {
  return unwritten;
}

/** EIO is what a terminal that was closed answers. */
function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'EIO';
}

/** Whether both streams lead to the same reader, as with `2>&1 | head`. */
function isOnePlace(): boolean {
  try {
    const [out, notes] = [fstatSync(1), fstatSync(2)];
    return out.ino === notes.ino && out.dev === notes.dev;
  } catch {
    return false;
  }
}

function isFile(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isFile();
  } catch {
    return false;
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
