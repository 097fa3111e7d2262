/** Ctrl-C: the first asks the work to stop where it can be resumed, the second ends the process at once. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** True once somebody asked to stop. */
  readonly requested: boolean;
  /** What is said at the first Ctrl-C, set by whoever knows how to go on: `cardea run resume ID`. */
  say(hint: string): void;
}

export function interrupt(
  tell: (line: string) => void,
  exit: (code: number) => void,
  signals: Pick<NodeJS.Process, 'on'> = process,
): Interrupt {
  const controller = new AbortController();
  let hint = 'Stopping. Press Ctrl-C again to leave at once.';
  const stop = (name: NodeJS.Signals, code: number) => () => {
    if (controller.signal.aborted) {
      exit(code);
      return;
    }
    tell(hint);
    controller.abort(new DOMException(`stopped by ${name}`, 'AbortError'));
  };
  signals.on('SIGINT', stop('SIGINT', 130));
  signals.on('SIGTERM', stop('SIGTERM', 143));
  return {
    signal: controller.signal,
    get requested() {
      return controller.signal.aborted;
    },
    say(text) {
      hint = text;
    },
  };
}
