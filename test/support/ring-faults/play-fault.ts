import { vi } from 'vitest';
import { z } from 'zod';
import { waitFor } from '../../../src/host/wait-for.ts';
import { windowReport } from '../../../src/model/window.ts';
import { runsOf } from '../run-list.ts';
import type { Ended, Running } from '../sandbox.ts';
import { type Disturbance, type DrawnFault, isRestore, type Operation, textOf } from './drawn-fault.ts';
import { disturb, type Done } from './disturbances.ts';
import type { FaultRing } from './fault-ring.ts';
import type { Line } from './graph-oracle.ts';
import { untilEvent } from './journal-watch.ts';
import { answerOf, argumentsOf, standingOf, told, undecidedRestores, wordOf } from './ways.ts';

/** How a fault ended. `wrong`: one line for each thing that must not be. */
export interface PlayedFault {
  /** False when its moment never came. */
  readonly played: boolean;
  /** What was done, when, and what came of it. */
  readonly says: string;
  readonly end: 'done' | 'as before' | 'restored' | 'WRONG';
  readonly wrong: readonly string[];
}

/** How many events an undisturbed run of each has, about, progress aside. */
const eventsOf: Readonly<Record<Operation, number>> = {
  point: 56,
  instant: 66,
  newest: 68,
  undo: 68,
  revert: 38,
  accept: 14,
  backup: 36,
  rehearse: 42,
};
const withinMs = 900_000;

/** Plays one fault on a ring that is in a known state, and leaves it in one. Throws when that cannot be had. */
export async function playFault(ring: FaultRing, drawn: DrawnFault): Promise<PlayedFault> {
  const player = new Player(ring, drawn);
  return player.play();
}

/** By the command line alone; the restore that waits is decided when the next fault has nothing to do with it. */
export async function settleBefore(ring: FaultRing, next: Operation): Promise<void> {
  const { waits, ways } = await told(ring.sandbox);
  if (!waits || !isRestore(next)) return;
  await ring.sandbox.answer(z.unknown(), ...argumentsOf(ways[0] ?? ''));
}

interface Asked {
  readonly command: readonly string[];
  /** What the graph is when it has succeeded. */
  readonly becomes: Line;
}

class Player {
  readonly #ring: FaultRing;
  readonly #drawn: DrawnFault;
  readonly #wrong: string[] = [];
  readonly #says: string[] = [];
  /** What the graph becomes when a run succeeds. */
  readonly #becomes = new Map<string, Line>();
  #mayBeDown = false;
  /** What the last command printed. */
  #said = '';
  /** Every invariant of the graph was just checked by the last step of a restore. */
  #checked = false;

  constructor(ring: FaultRing, drawn: DrawnFault) {
    this.#ring = ring;
    this.#drawn = drawn;
  }

  async play(): Promise<PlayedFault> {
    const { what, operation } = this.#drawn;
    const { oracle } = this.#ring;
    const asked = await this.#prepare();
    const before = oracle.line;
    this.#ring.serversKilled = false;
    const standing = await standingOf(this.#ring.sandbox.platform.bucket);
    const { ended, played, moment } = await this.#disturbed(asked);
    const succeeded = await this.#look(ended, asked, operation);
    await this.#judgeEnd(ended, standing);
    if (played && !succeeded) await this.#doFirst();
    await this.#follow();
    await this.#expectKnownState(before);
    const restored = oracle.line !== before;
    const end = this.#wrong.length > 0 ? 'WRONG' : restored ? 'restored' : succeeded ? 'done' : 'as before';
    const says = `${operation} × ${textOf(what)} ${moment}: ${[wordOf(ended), ...this.#says].join(', ')}`;
    return { played, says, end, wrong: this.#wrong };
  }

  /** What the operation needs is brought about undisturbed. */
  async #prepare(): Promise<Asked> {
    const { oracle } = this.#ring;
    const { operation, which } = this.#drawn;
    this.#wrong.push(...(await this.#ring.write()));
    const confirm = ['--confirm', 'local'];
    switch (operation) {
      case 'point': {
        const points = await this.#points();
        const point = points[Math.floor(which * Math.min(points.length, 4))] ?? '';
        return {
          command: ['restore', 'local', '--to', point, ...confirm, '--without-base'],
          becomes: oracle.points.get(point) ?? [],
        };
      }
      case 'instant': {
        const instants = await this.#instants();
        const instant = instants[Math.floor(which * instants.length)] ?? '';
        return {
          command: ['restore', 'local', '--to', instant, ...confirm, '--without-base'],
          becomes: oracle.upTo(instant),
        };
      }
      case 'newest': {
        await this.#reachableEnd();
        return {
          command: ['restore', 'local', '--to', 'newest', ...confirm, '--without-base'],
          becomes: [...oracle.line],
        };
      }
      case 'undo': {
        await this.#reachableEnd();
        const group = await this.#lastGroup();
        return {
          command: ['undo', 'local', '--group', group, '--way', 'restore', ...confirm],
          becomes: oracle.withoutLast(),
        };
      }
      case 'revert':
      case 'accept': {
        const restore = await this.#waitingRestore();
        const aside = oracle.aside.get(restore);
        if (aside === undefined) throw new TypeError(`nobody knows what ${restore} moved aside`);
        return operation === 'accept'
          ? { command: ['restore', 'accept', restore, '--env', 'local', ...confirm], becomes: oracle.line }
          : {
              command: ['restore', 'revert', restore, '--env', 'local', ...confirm, '--without-base'],
              becomes: aside,
            };
      }
      case 'backup':
        return {
          command: ['backup', 'local', '--quiesced', ...(which < 0.3 ? ['--mode', 'full'] : [])],
          becomes: oracle.line,
        };
      case 'rehearse': {
        const points = await this.#points();
        return { command: ['rehearse', 'local', points[0] ?? ''], becomes: oracle.line };
      }
    }
  }

  /** Good points, newest first; there is one at least. */
  async #points(): Promise<readonly string[]> {
    const points = await this.#ring.goodPoints();
    if (points.length > 0) return points;
    await this.#ring.backUp();
    return this.#ring.goodPoints();
  }

  /** Moments of the present history that can be restored to, but for the last; there is one at least. */
  async #instants(): Promise<readonly string[]> {
    const { oracle, sandbox } = this.#ring;
    const all = async () => {
      const { exitCode, json } = await sandbox.cardea('window', 'local');
      const window = exitCode === 0 ? windowReport.parse(json) : undefined;
      const inWindow = (at: string) =>
        window?.stretches.some(({ from, to }) => from <= at && at <= to) === true && at < oracle.now.at;
      return oracle.line.map(({ at }) => at).filter(inWindow);
    };
    const found = await all();
    if (found.length > 0) return found;
    await this.#ring.backUp();
    for (let write = 0; write < 2; write += 1) this.#wrong.push(...(await this.#ring.write()));
    return vi.waitFor(
      async () => {
        const after = await all();
        if (after.length === 0) throw new TypeError('no instant can be restored to after a backup');
        return after;
      },
      { timeout: 120_000, interval: 1000 },
    );
  }

  /**
   * Makes sure that everything up to now can be restored. After a revert without a new base it cannot, and a restore to the end must say so
   * instead of leaving out what was written since.
   */
  async #reachableEnd(): Promise<void> {
    const { oracle, sandbox } = this.#ring;
    const reaches = async () => {
      const { exitCode, json } = await sandbox.cardea('window', 'local');
      return exitCode === 0 && (windowReport.parse(json).newest ?? '') >= oracle.now.at;
    };
    if (await reaches()) return;
    const ended = await this.#end(sandbox.begin(['restore', 'local', '--to', 'newest', '--confirm', 'local']));
    const { problem } = answerOf(ended);
    if (ended.exitCode !== 3 || !['end-unreachable', 'no-base'].includes(problem?.code ?? '')) {
      this.#wrong.push(`the end of the log cannot be restored, and a restore to it said: ${ended.stdout}`);
    }
    await this.#ring.backUp();
    this.#wrong.push(...(await this.#ring.write()));
    await vi.waitFor(
      async () => {
        if (!(await reaches())) throw new TypeError('the present cannot be restored after a backup');
      },
      { timeout: 120_000, interval: 1000 },
    );
  }

  /** The last transaction, as `cardea transactions` names it. */
  async #lastGroup(): Promise<string> {
    const { sandbox, oracle } = this.#ring;
    const slots = z.object({ transactions: z.array(z.object({ at: z.string() })) });
    const { transactions } = await sandbox.answer(
      slots,
      'transactions',
      'local',
      '--around',
      oracle.now.at,
      '--within',
      '2m',
      '--limit',
      '0',
    );
    const last = transactions.findLast(({ at }) => at <= oracle.now.at);
    return `${last?.at ?? ''}/*`;
  }

  /** A restore that waits for a person, made undisturbed where there is none. */
  async #waitingRestore(): Promise<string> {
    const { sandbox, oracle } = this.#ring;
    const waiting = await told(sandbox);
    if (!waiting.waits) {
      const [point = ''] = await this.#points();
      const before = oracle.line;
      const ran = z.object({ run: z.string() });
      const { run } = await sandbox.answer(
        ran,
        'restore',
        'local',
        '--to',
        point,
        '--confirm',
        'local',
        '--without-base',
      );
      oracle.line = oracle.points.get(point) ?? [];
      oracle.aside.set(run, before);
      this.#wrong.push(...(await this.#ring.write()));
      return run;
    }
    return (waiting.ways[0] ?? '').split(' ')[3] ?? '';
  }

  /** Carries the operation out with what goes wrong at its moment. */
  async #disturbed({
    command,
  }: Asked): Promise<{ readonly ended: Ended; readonly played: boolean; readonly moment: string }> {
    const { what, at, afterMs, operation } = this.#drawn;
    const { sandbox, store, oracle } = this.#ring;
    const before = await runsOf(sandbox);
    for (const each of before) oracle.seen.add(each);
    const count = 1 + Math.floor(at * (eventsOf[operation] - 2));
    if (what.kind === 'program killed') {
      const killed = sandbox.begin(command, { variables: { CARDEA_FAULT: `kill-after-event:${count}` } });
      const ended = await this.#end(killed);
      return { ended, played: ended.signal === 'SIGKILL', moment: `at event ${count}` };
    }
    const running = sandbox.begin(command);
    let over = false;
    void running.ended.finally(() => {
      over = true;
    });
    const begun = await waitFor(
      async () => {
        const run = (await runsOf(sandbox)).find((each) => !before.includes(each));
        return run === undefined && !over ? undefined : { run };
      },
      { withinMs, everyMs: 20 },
    );
    const name =
      begun?.run === undefined ? undefined : await untilEvent(store.path, { run: begun.run, ended: () => over, count });
    if (name === undefined) return { ended: await this.#end(running), played: false, moment: `at event ${count}` };
    const done = await this.#disturbAfter(what, afterMs, () => over);
    const ended = await this.#end(running);
    await done?.mend();
    const moment = `${(afterMs / 1000).toFixed(1)} s after event ${count} (${name})`;
    return { ended, played: done?.played === true, moment };
  }

  async #disturbAfter(what: Disturbance, afterMs: number, over: () => boolean): Promise<Done | undefined> {
    // A fault has to fall anywhere within a step.
    const until = performance.now() + afterMs;
    const early = await waitFor(() => (over() ? true : performance.now() >= until ? false : undefined), {
      withinMs: afterMs + 5000,
      everyMs: 10,
    });
    return early ? undefined : disturb(this.#ring, what);
  }

  async #end(running: Running): Promise<Ended> {
    const late = Promise.withResolvers<'late'>();
    const timer = setTimeout(() => late.resolve('late'), withinMs);
    const ended = await Promise.race([running.ended, late.promise]);
    clearTimeout(timer);
    if (ended !== 'late') {
      this.#said = ended.stdout;
      return ended;
    }
    this.#wrong.push(`a command did not end within ${withinMs / 1000} s`);
    process.kill(running.pid, 'SIGKILL');
    return running.ended;
  }

  /** What a command did: notes what its run makes of the graph, and whether it has succeeded. */
  async #look(ended: Ended, { becomes }: Asked, operation: Operation): Promise<boolean> {
    const { sandbox, oracle } = this.#ring;
    const kind = isRestore(operation) ? 'restore' : operation;
    const run = (await runsOf(sandbox)).filter((each) => each.startsWith(`${kind}-`) && !oracle.seen.has(each)).at(-1);
    if (run !== undefined) {
      this.#becomes.set(run, becomes);
      oracle.aside.set(run, oracle.line);
    }
    for (const each of await runsOf(sandbox)) oracle.seen.add(each);
    this.#judgeAnswer(ended);
    if (ended.exitCode !== 0) return false;
    if (run !== undefined) await this.#succeeded(run);
    return true;
  }

  /** A run has succeeded, of this process or of one that carried it on. */
  async #succeeded(run: string): Promise<void> {
    const { oracle } = this.#ring;
    const becomes = this.#becomes.get(run);
    if (becomes !== undefined && /^(restore|revert)-/.test(run)) oracle.line = becomes;
    this.#checked = run.startsWith('restore-');
    await this.#ring.goodPoints();
  }

  /** What machines rely on: an exit code, and a problem that says everything. */
  #judgeAnswer(ended: Ended): void {
    if (ended.signal !== undefined || ended.exitCode === 0) return;
    const { problem } = answerOf(ended);
    if (problem === undefined || problem.next === '' || problem.state === '') {
      this.#wrong.push(
        `a command ended with ${ended.exitCode} and does not say what to do: ${ended.stdout}${ended.stderr}`,
      );
      return;
    }
    if (problem.code === 'unexpected') this.#wrong.push(`a defect: ${problem.happened} ${ended.stdout}`);
    // A run that has moved nothing has left nothing to accept: to type that is wrong use.
    if (ended.exitCode === 2 && problem.code === 'unknown-restore') return;
    if (ended.exitCode !== 1 && ended.exitCode !== 3)
      this.#wrong.push(`exit code ${ended.exitCode}: ${problem.happened}`);
    this.#mayBeDown ||= /start the servers|sandbox up|start every node/i.test(problem.next);
  }

  /** A refusal has changed nothing; and what a failure names is what the status names. */
  async #judgeEnd(ended: Ended, before: string): Promise<void> {
    const { sandbox } = this.#ring;
    const { bucket } = sandbox.platform;
    if (ended.exitCode === 3 && (await standingOf(bucket)) !== before) {
      this.#wrong.push(`it was refused, and something has changed: ${ended.stdout}`);
    }
    if (ended.exitCode !== 1 || !(await undecidedRestores(bucket)).half) return;
    const next = answerOf(ended).problem?.next ?? '';
    const { ways } = await told(sandbox);
    const missing = ways.filter((way) => !next.includes(way.replace(/ --confirm \S+$/, '')));
    if (missing.length > 0) this.#wrong.push(`status names ${missing.join(' and ')}, and the failure: ${next}`);
  }

  /** What a person tries who has not read what Cardea names. */
  async #doFirst(): Promise<void> {
    const { first } = this.#drawn;
    const { sandbox } = this.#ring;
    if (first === 'told') return;
    const { ways } = await told(sandbox);
    const { undecided, half } = await undecidedRestores(sandbox.platform.bucket);
    const [point = ''] = await this.#ring.goodPoints();
    const restore = /restore-[\w-]+/.exec(ways.join(' '))?.[0];
    if ((first === 'accept' && restore === undefined) || (first === 'restore' && point === '')) return;
    const commands = {
      restore: ['restore', 'local', '--to', point, '--confirm', 'local', '--without-base'],
      backup: ['backup', 'local', '--quiesced'],
      accept: ['restore', 'accept', restore ?? '', '--env', 'local', '--confirm', 'local'],
      'sandbox up': ['sandbox', 'up', 'local'],
    } as const;
    const kinds = { restore: 'point', backup: 'backup', accept: 'accept', 'sandbox up': 'backup' } as const;
    const { oracle } = this.#ring;
    const becomes = first === 'restore' ? (oracle.points.get(point) ?? []) : oracle.line;
    const ended = await this.#end(sandbox.begin(commands[first]));
    this.#says.push(`then ${first}: ${wordOf(ended)}`);
    if (first === 'sandbox up') this.#judgeAnswer(ended);
    else await this.#look(ended, { command: commands[first], becomes }, kinds[first]);
    if (!(first === 'restore' ? undecided : half) || first === 'sandbox up') return;
    const { problem } = answerOf(ended);
    if (ended.exitCode !== 3) {
      this.#wrong.push(`${first} was not refused while a restore is unfinished: ${ended.stdout}`);
    } else if (!/restore-\d|revert-\d|accept-\d|cardea status/.test(`${problem?.happened} ${problem?.next}`)) {
      this.#wrong.push(`${first} was refused, and what comes first is not named: ${ended.stdout}`);
    }
  }

  /** What Cardea names, until it names nothing that is half done. */
  async #follow(): Promise<void> {
    const { sandbox } = this.#ring;
    await this.#startWhatWasKilled();
    let killAfter = this.#drawn.killedAgain;
    for (let turn = 0; turn < 6; turn += 1) {
      const { ways, waits } = await told(sandbox);
      const way = this.#drawn.back ? ways.at(-1) : ways[0];
      // Two ways that wait are a person's choice; of what a broken restore had brought there is one only.
      if (way === undefined || (waits && ways.length > 1)) return;
      const [, verb = '', restoreOrRun = ''] = /(resume|revert|accept) (\S+)/.exec(way) ?? [];
      const line = this.#ring.oracle.line;
      const variables = killAfter === undefined ? {} : { CARDEA_FAULT: `kill-after-event:${killAfter}` };
      killAfter = undefined;
      const ended = await this.#end(sandbox.begin(argumentsOf(way), { variables }));
      this.#says.push(`${verb}: ${wordOf(ended)}`);
      const { problem } = answerOf(ended);
      if (verb === 'resume') {
        this.#judgeAnswer(ended);
        if (ended.exitCode === 0) await this.#succeeded(restoreOrRun);
      } else {
        const becomes = verb === 'revert' ? (this.#ring.oracle.aside.get(restoreOrRun) ?? []) : line;
        await this.#look(ended, { command: [], becomes }, verb === 'revert' ? 'revert' : 'accept');
      }
      if (ended.exitCode === 0 || ended.signal !== undefined) continue;
      const nothingChanged = /nothing was (moved|changed)|everything is as it was/i.test(problem?.state ?? '');
      const again = await told(sandbox);
      // A service that somebody started again ends the run as it was; then nothing is named any more.
      if ((nothingChanged || problem?.code === 'history-changed') && again.ways.length === 0) continue;
      this.#wrong.push(`the named way ${way} did not work: ${ended.stdout}${ended.stderr}`);
    }
    const { ways } = await told(sandbox);
    if (ways.length > 0) this.#wrong.push(`six ways were followed, and there is still ${ways.join(' or ')}`);
  }

  /** Servers that the fault killed are started by the person, as far as Cardea lets it. */
  async #startWhatWasKilled(): Promise<void> {
    if (!this.#ring.serversKilled) return;
    const ended = await this.#end(this.#ring.sandbox.begin(['sandbox', 'up', 'local']));
    this.#judgeAnswer(ended);
    this.#says.push(`sandbox up: ${wordOf(ended)}`);
    if (ended.exitCode !== 0 && answerOf(ended).problem?.code !== 'restore-unfinished') {
      this.#wrong.push(`sandbox up did not start what was killed: ${ended.stdout}${ended.stderr}`);
    }
  }

  /** By Cardea's own commands: everything serves, the graph is what it must be, and nothing is left over. */
  async #expectKnownState(before: Line): Promise<void> {
    const { sandbox, oracle } = this.#ring;
    const { state, nodes, graph } = await sandbox.status();
    if (state !== 'up') {
      const { what } = this.#drawn;
      const databaseDown = graph.pid === null || nodes.some(({ pid }) => pid === null);
      const expected = this.#mayBeDown || this.#ring.serversKilled || (what.kind === 'agents killed' && !databaseDown);
      if (!expected)
        this.#wrong.push(`the environment is ${state}, and nothing is named: ${JSON.stringify({ nodes, graph })}`);
      const up = await this.#end(sandbox.begin(['sandbox', 'up', 'local']));
      this.#says.push(`sandbox up: ${wordOf(up)}`);
      if (up.exitCode !== 0) throw new TypeError(`the environment cannot be started: ${up.stdout}${up.stderr}`);
    }
    // After a restore to an instant every replica holds the same, before a read at QUORUM mends what differs; a point comes back as each node had it.
    const replayed: readonly Operation[] = ['instant', 'newest', 'undo'];
    if (oracle.line !== before && replayed.includes(this.#drawn.operation)) {
      this.#wrong.push(...(await this.#ring.differingReplicas()));
    }
    const print = await this.#ring.fingerprint();
    if (print !== oracle.now.print) this.#wrong.push(await this.#difference(print));
    if (!this.#checked) {
      const check = await sandbox.cardea('check', 'local');
      if (check.exitCode !== 0) this.#wrong.push(`the graph is not sound: ${check.stdout}${check.stderr}`);
    }
    this.#wrong.push(...(await this.#ring.leftovers()));
  }

  async #difference(print: string): Promise<string> {
    const { oracle, sandbox } = this.#ring;
    const known = [...oracle.aside.values(), ...oracle.points.values(), oracle.line].flat();
    const is = known.find((each) => each.print === print);
    const again = await this.#ring.fingerprint();
    const found = await sandbox.platform.graph.submit<string>(
      'g.V().hasLabel("customer").values("businessKey").toList()',
    );
    const markers = found.filter((key) => key.startsWith('marker-')).sort();
    return `the graph holds ${markers.join(', ')} (${is === undefined ? 'no known state' : `as with ${is.markers.join(', ')}`}) and must hold ${oracle.now.markers.join(', ')}; read again, it is ${again === print ? 'the same' : again === oracle.now.print ? 'as it must be' : 'something else'}; ${this.#said}`;
  }
}
