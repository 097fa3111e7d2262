import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { holdingLock, lockConflict } from '../../src/host/file-lock.ts';
import { FailedProblem } from '../../src/model/problem.ts';
import { places, ports } from './places.ts';

/** Less than the ten minutes that cass-operator waits for an answer. */
const startWithinMs = 540_000;

/** The one Cassandra of the pod, a child of the management API. */
export class CassandraProcess {
  #child: ChildProcess | undefined;
  /** Whoever starts it or stops it learns of its end by itself. */
  #awaited = false;
  readonly #ended: (how: string) => void;

  /** `ended` is called when Cassandra ends once it runs, although nobody stopped it. */
  constructor(ended: (how: string) => void) {
    this.#ended = ended;
  }

  /** True from when it has joined the ring until it drains: Cassandra opens the port of CQL for that time only. */
  async takesClients(): Promise<boolean> {
    return this.#child !== undefined && (await accepts(ports.cql));
  }

  /**
   * Starts it unless it runs, and waits until it takes connections. `replaces` is the address of the node whose place it takes.
   * Throws FailedProblem `cassandra-not-started`.
   */
  async start(replaces: string | undefined): Promise<'started' | 'ran already'> {
    if (this.#child !== undefined) return 'ran already';
    const options = [`@${places.serverOptions}`, `@${join(places.configuration, 'jvm.options')}`];
    const replacing = replaces === undefined ? [] : [`-Dcassandra.replace_address_first_boot=${replaces}`];
    const main = 'org.apache.cassandra.service.CassandraDaemon';
    const [program, ...args] = holdingLock(places.lock, ['java', ...options, ...replacing, main]);
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    this.#child = child;
    this.#awaited = true;
    child.once('error', (error) => this.#end(child, error.message));
    child.once('exit', (code, signal) => {
      const held = code === lockConflict ? `: ${places.lock} is held, so the files of the node are being moved` : '';
      this.#end(child, `Cassandra ended with ${code ?? signal}${held}`);
    });
    const until = Date.now() + startWithinMs;
    while (this.#child === child && Date.now() < until) {
      if (await accepts(ports.cql)) {
        this.#awaited = false;
        return 'started';
      }
      await setTimeout(250);
    }
    throw new FailedProblem({
      code: 'cassandra-not-started',
      happened: this.#child === child ? 'Cassandra took too long to start.' : 'Cassandra ended while it started.',
      state: 'The data directory is as Cassandra left it.',
      next: 'Read the log of the container.',
    });
  }

  /** Cassandra drains by itself on SIGTERM. Idempotent. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#awaited = true;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  #end(child: ChildProcess, how: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (!this.#awaited) this.#ended(how);
  }
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const answer = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}
