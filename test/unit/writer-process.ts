import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { StoreLocation } from '../../src/model/agent-config.ts';
import type { WriterCommand } from './store-writer.ts';

/** A real second process that writes to a store, for races and kills. */
export class WriterProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  #errors = '';

  private constructor(location: StoreLocation) {
    const program = join(import.meta.dirname, 'store-writer.ts');
    this.#child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, JSON.stringify(location)]);
    this.#child.stderr.on('data', (text: Buffer) => {
      this.#errors += text.toString();
    });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  static async start(location: StoreLocation): Promise<WriterProcess> {
    const writer = new WriterProcess(location);
    await writer.answer();
    return writer;
  }

  async ask(wanted: WriterCommand): Promise<unknown> {
    this.send(wanted);
    return this.answer();
  }

  send(wanted: WriterCommand): void {
    this.#child.stdin.write(`${JSON.stringify(wanted)}\n`);
  }

  async answer(): Promise<unknown> {
    const line = await this.#answers.next();
    if (line.done === true) throw new Error(`the writer ended: ${this.#errors}`);
    return JSON.parse(line.value);
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended();
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended();
  }

  async #ended(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }
}
