import { generateKeyPairSync, sign } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { ProcessIdentity } from '../../src/model/process-identity.ts';
import type { AuditHead, AuditSigner, AuditTrust } from '../../src/ports/audit-signer.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { Processes } from '../../src/ports/processes.ts';
import type { RunEvent } from '../../src/journal/event.ts';
import type { EngineWorld } from '../../src/runbook/engine-world.ts';
import { countingIds, FakeClock } from './fake-clock.ts';
import { MemoryStore } from './memory-store.ts';

/** A signer whose key and record of the last head live in memory. */
export function memorySigner(): Omit<AuditSigner, 'trust'> & { trust(): AuditTrust } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const der = publicKey.export({ type: 'spki', format: 'der' });
  let head: AuditHead | undefined;
  return {
    keyId: createHash('sha256').update(der).digest('hex').slice(0, 16),
    publicKey: pem,
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64'),
    lastHead: async () => head,
    async recordHead(next) {
      head = next;
    },
    trust: () => ({ publicKeys: [pem], ...(head === undefined ? {} : { head }) }),
  };
}

/** The processes of one machine, each alive until it is said to be dead. */
export class FakeMachine {
  readonly #dead = new Set<number>();
  #next = 100;

  get deaths(): number {
    return this.#dead.size;
  }

  process(machine = 'here'): Processes & { die(): void } {
    const pid = this.#next;
    this.#next += 1;
    const self: ProcessIdentity = { host: machine, machine, pid, started: `${pid}` };
    return {
      self,
      isAlive: (identity) => (identity.machine === machine ? !this.#dead.has(identity.pid) : undefined),
      die: () => void this.#dead.add(pid),
    };
  }
}

export interface TestWorld extends EngineWorld {
  readonly store: MemoryStore;
  readonly clock: FakeClock;
  readonly signer: ReturnType<typeof memorySigner>;
  readonly processes: ReturnType<FakeMachine['process']>;
  readonly machine: FakeMachine;
  readonly events: RunEvent[];
  /** The same bucket, time and key seen by another process of the machine. */
  another(machine?: string, store?: ObjectStore): TestWorld;
}

export function testWorld(): TestWorld {
  const machine = new FakeMachine();
  const shared = { store: new MemoryStore(), clock: new FakeClock(), signer: memorySigner(), ids: countingIds() };
  const make = (name?: string, store?: ObjectStore): TestWorld => {
    const events: RunEvent[] = [];
    return {
      ...shared,
      ...(store === undefined ? {} : { store: store as MemoryStore }),
      machine,
      processes: machine.process(name),
      actor: { name: 'dana', via: 'cli', host: name ?? 'here' },
      events,
      onEvent: (event) => void events.push(event),
      another: make,
    };
  };
  return make();
}

/** A process of another machine, whose clock is its own and ahead by so many milliseconds. */
export function elsewhere(world: TestWorld, aheadMs = 0): TestWorld {
  const clock = new FakeClock(new Date(world.clock.now().getTime() + aheadMs).toISOString());
  return { ...world.another('elsewhere'), clock };
}

/** `step-started a`, `run-succeeded` …: what a journal says, shortly. */
export function saying(events: readonly RunEvent[]): readonly string[] {
  return events.map(({ event }) => ('step' in event ? `${event.type} ${event.step}` : event.type));
}
