import type { ObjectStore } from '../../src/ports/object-store.ts';

/** How a command ends before it is done: around its `at`th act, counted in what it changes or asks for. */
export interface Ending {
  readonly at: number;
  readonly before: boolean;
  /** `killed`: at once. `interrupted`: by Ctrl-C, which lets it end by itself. */
  readonly how: 'killed' | 'interrupted';
}

/** A process of the command line: from its death on nothing that it has asked for comes back, and nothing more is carried out. */
export class SimulatedProcess {
  readonly #death = Promise.withResolvers<'dead'>();
  readonly #interrupt = new AbortController();
  readonly #ending: Ending | undefined;
  readonly #onAct: () => Promise<void>;
  #onEnd: () => void = () => {};
  #dead = false;
  #acts = 0;

  constructor(ending?: Ending, onAct: () => Promise<void> = async () => {}) {
    this.#ending = ending;
    this.#onAct = onAct;
  }

  /** When it is killed; never where it ends by itself. */
  get death(): Promise<'dead'> {
    return this.#death.promise;
  }

  /** Ctrl-C. */
  get signal(): AbortSignal {
    return this.#interrupt.signal;
  }

  /** Its work is done, or it was killed: it is no more. */
  end(): void {
    this.#dead = true;
    this.#onEnd();
  }

  /** Whose machine hears when it is gone. */
  whenGone(tell: () => void): void {
    this.#onEnd = tell;
  }

  #die(): void {
    this.end();
    this.#death.resolve('dead');
  }

  /** Something that changes the world. */
  async act<T>(work: () => Promise<T>): Promise<T> {
    if (this.#dead) return new Promise<T>(() => undefined);
    this.#acts += 1;
    const ends = this.#acts === this.#ending?.at;
    if (ends && this.#ending?.how === 'interrupted') this.#interrupt.abort();
    const dies = ends && this.#ending?.how === 'killed';
    if (dies && this.#ending?.before) this.#die();
    else {
      const look = this.look(work);
      if (!dies) {
        const done = await look;
        await this.#onAct();
        return done;
      }
      await look.catch(() => undefined);
      this.#die();
    }
    return new Promise<T>(() => undefined);
  }

  /** Something that only looks. */
  async look<T>(work: () => Promise<T>): Promise<T> {
    if (this.#dead) return new Promise<T>(() => undefined);
    try {
      const done = await work();
      return this.#dead ? await new Promise<T>(() => undefined) : done;
    } catch (thrown) {
      if (this.#dead) return new Promise<T>(() => undefined);
      throw thrown;
    }
  }

  /** The store as this process sees it. */
  storeOf(store: ObjectStore): ObjectStore {
    return {
      description: store.description,
      put: async (key, body, condition) => this.act(async () => store.put(key, body, condition)),
      putStream: async (key, body) => this.act(async () => store.putStream(key, body)),
      delete: async (key) => this.act(async () => store.delete(key)),
      get: async (key) => this.look(async () => store.get(key)),
      getStream: async (key) => this.look(async () => store.getStream(key)),
      head: async (key) => this.look(async () => store.head(key)),
      list: (prefix, options) => this.#listing(() => store.list(prefix, options)),
      children: (prefix, options) => this.#listing(() => store.children(prefix, options)),
      close: async () => undefined,
    };
  }

  async *#listing<T>(all: () => AsyncIterable<T>): AsyncIterable<T> {
    yield* await this.look(async () => Array.fromAsync(all()));
  }
}
