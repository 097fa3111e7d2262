/** The signals that ask a command to stop, with the exit code of a command that they stopped: 128 and the signal's number. */
export const stopCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export type StopSignal = keyof typeof stopCodes;

/** What it means to stop a command, for whoever pressed Ctrl-C. Each of them one sentence or a few. */
export interface Interruption {
  /**
   * Said at the first Ctrl-C by a command that then takes its time to stop: what happens meanwhile, and that Ctrl-C again leaves at once.
   * Absent where nothing comes to harm when the command just ends: it ends at the first.
   */
  readonly stopping?: string;
  /** What stands when it has stopped: what runs on, what is half done. */
  readonly state: string;
  /** How to go on, or how to take back what stands. */
  readonly next: string;
  /** What stands when the second Ctrl-C ended it at once; `state` when absent. */
  readonly left?: string;
}

/** Ctrl-C as an action sees it: the first asks the work to stop where it can be resumed, the second ends the process at once. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** True once somebody asked to stop. */
  readonly requested: boolean;
  /** Says what a stop means from now on, where more is known than the command's declaration says: `cardea run resume ID`. */
  say(interruption: Interruption): void;
}

/** The same as the command line sees it. */
export interface InterruptWatch extends Interrupt {
  /** What asked first; undefined until then. */
  readonly by: StopSignal | undefined;
  /** What a stop means at this moment. */
  readonly meaning: Interruption;
}

/**
 * Takes the signals from now on. SIGTERM and a terminal that is closed are taken like Ctrl-C; the latter is no reason to stop for a command
 * that was started to outlive its terminal (`nohup`).
 */
export function interrupt(options: {
  readonly meaning: Interruption;
  readonly tell: (line: string) => void;
  readonly exit: (code: number) => void;
  readonly outlivesTerminal?: boolean;
  readonly signals?: Pick<NodeJS.Process, 'on'>;
}): InterruptWatch {
  const { tell, exit, outlivesTerminal = false, signals = process } = options;
  const controller = new AbortController();
  let { meaning } = options;
  let by: StopSignal | undefined;
  const stop = (name: StopSignal) => () => {
    if (controller.signal.aborted) {
      tell(`Left at once. ${meaning.left ?? meaning.state} ${meaning.next}`);
      exit(stopCodes[name]);
      return;
    }
    by = name;
    if (meaning.stopping !== undefined) tell(meaning.stopping);
    controller.abort(new DOMException(`stopped by ${name}`, 'AbortError'));
  };
  signals.on('SIGINT', stop('SIGINT'));
  signals.on('SIGTERM', stop('SIGTERM'));
  signals.on('SIGHUP', outlivesTerminal ? () => {} : stop('SIGHUP'));
  return {
    signal: controller.signal,
    get requested() {
      return controller.signal.aborted;
    },
    get by() {
      return by;
    },
    get meaning() {
      return meaning;
    },
    say(newest) {
      meaning = newest;
    },
  };
}
