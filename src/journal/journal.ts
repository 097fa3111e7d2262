import { FailedProblem } from '../model/problem.ts';
import type { Clock } from '../ports/clock.ts';
import { ConflictProblem, type ObjectStore } from '../ports/object-store.ts';
import { patiently } from '../ports/patience.ts';
import { runEventDocument, type RunEvent, type RunEventBody } from './event.ts';
import type { AuditSigner } from '../ports/audit-signer.ts';
import { signatureOf, signEvent } from './event-signature.ts';
import type { TrustedKeys } from './trusted-keys.ts';
import { sha256 } from '../model/sha256.ts';
import { eventKey } from './event-file.ts';
import { followingEvent, type JournalHead } from './journal-reader.ts';
import { storePatience } from './store-patience.ts';

/** The writing end of one run's journal. Calls are carried out one after the other, in the order they were made. */
export interface Journal {
  readonly head: JournalHead;
  /**
   * Resolves when the event is durable. If another process appended first, its events are observed and this one follows
   * them, unless they show that the run was taken over: then FailedProblem `fenced`, now and for every later append. An
   * append retries when the store cannot be reached; RetryableProblem only after `storePatience`.
   */
  append(body: RunEventBody): Promise<RunEvent>;
  /**
   * Observes what other processes appended since (a request to cancel, a take-over). Throws `fenced` as append does,
   * and RetryableProblem at once when the store cannot be reached: whoever looks now and then looks again.
   */
  refresh(): Promise<void>;
}

export interface JournalOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly run: string;
  readonly epoch: number;
  /** False if the caller only leaves a request in another process's run: events of any epoch may come in between. */
  readonly owns?: boolean;
  /** The end of the journal as far as the caller has read it. */
  readonly head: JournalHead;
  /** Called with every event after `head`, in order, once it is durable: own events and those of other processes. */
  readonly observe: (event: RunEvent) => void;
  /** Called before every write; throws when this process may not write any more. */
  readonly guard?: () => Promise<void>;
  /** Of the lease that the run holds: aborted once it is lost. */
  readonly lease?: AbortSignal;
  /** Signs what is appended; then only events that `keys` have signed are followed, besides requests to cancel. */
  readonly signed?: { readonly signer: Pick<AuditSigner, 'keyId' | 'sign'>; readonly keys: TrustedKeys };
}

export function openJournal(options: JournalOptions): Journal {
  const { store, clock, run, epoch, observe } = options;
  const patience = storePatience(options.lease);
  let head = options.head;
  let broken: Error | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  const enqueue = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = queue.then(async () => {
      if (broken !== undefined) throw broken;
      return work();
    });
    queue = turn.catch(() => undefined);
    return turn;
  };

  const advance = (event: RunEvent, bytes: Uint8Array | string) => {
    head = { sequence: event.sequence, hash: sha256(bytes) };
    observe(event);
  };

  /**
   * Reads on from the head. Stops with true at the exact bytes of `own`: then a put whose answer was lost had
   * succeeded.
   */
  const catchUp = async (own?: string): Promise<boolean> => {
    for (;;) {
      const key = eventKey(run, head.sequence + 1);
      const object = await store.get(key);
      if (object === undefined) return false;
      const event = followingEvent(run, { key, bytes: object.body }, head);
      const isOwn = own !== undefined && new TextDecoder().decode(object.body) === own;
      if (!isOwn && options.owns !== false && event.event.type !== 'cancel-requested') {
        if (event.epoch >= epoch) broken = fenced(run, event);
        else if (!isSigned(object.body)) broken = foreignEvent(run, event);
        if (broken !== undefined) throw broken;
      }
      advance(event, object.body);
      if (isOwn) return true;
    }
  };

  const isSigned = (bytes: Uint8Array): boolean => {
    if (options.signed === undefined) return true;
    const signature = signatureOf(bytes);
    return signature !== undefined && options.signed.keys.verify(signature);
  };

  const nextEvent = (body: RunEventBody) => {
    const unsigned: RunEvent = {
      kind: 'run-event',
      version: 1,
      run,
      sequence: head.sequence + 1,
      previous: head.hash,
      at: clock.now().toISOString(),
      epoch,
      event: body,
    };
    const event = signEvent(unsigned, options.signed?.signer);
    return { event, text: runEventDocument.write(event) };
  };

  const appendNow = async (body: RunEventBody): Promise<RunEvent> => {
    for (;;) {
      const { event, text } = nextEvent(body);
      const end = await patiently(clock, patience, async () => {
        await options.guard?.();
        try {
          await store.put(eventKey(run, event.sequence), text, { ifAbsent: true });
        } catch (error) {
          if (!(error instanceof ConflictProblem)) throw error;
          return (await catchUp(text)) ? 'observed' : 'behind';
        }
        return 'put';
      });
      if (end === 'behind') continue;
      if (end === 'put') advance(event, text);
      return event;
    }
  };

  return {
    get head() {
      return head;
    },
    append: (body) => enqueue(() => appendNow(body)),
    refresh: () =>
      enqueue(async () => {
        await catchUp();
      }),
  };
}

function foreignEvent(run: string, { sequence, event }: RunEvent): FailedProblem {
  return new FailedProblem({
    code: 'event-not-signed',
    happened: `Event ${sequence} (${event.type}) was added to the journal of run ${run} by somebody whose key is not trusted here.`,
    state: 'This process stopped and writes nothing more.',
    next: `See what was added with \`cardea run show ${run}\`, which also names how the run goes on.`,
  });
}

function fenced(run: string, by: RunEvent): FailedProblem {
  return new FailedProblem({
    code: 'fenced',
    happened: `Another process has taken over run ${run} (event ${by.sequence}, ${by.event.type}, has epoch ${by.epoch}).`,
    state: 'This process stopped and writes nothing more. The other process continues the run.',
    next: `Watch it with \`cardea run show ${run} --follow\`.`,
  });
}
