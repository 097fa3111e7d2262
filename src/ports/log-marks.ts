import { type LogMark, logMarkCopyKey, logMarkDocument, logMarkKey } from '../model/log-piece.ts';
import { createObject, type ObjectStore } from './object-store.ts';

/**
 * Writes a mark, or replaces the one of its name. The copy comes first: it tells all that the mark does, so a kill between the two hides
 * nothing. Throws what `put` throws.
 */
export async function putMark(store: Pick<ObjectStore, 'put'>, mark: LogMark): Promise<void> {
  const text = logMarkDocument.write(mark);
  await store.put(logMarkCopyKey(mark), text);
  await store.put(logMarkKey(mark), text);
}

/** The same where there is none of its name; one that is there stays as it is. */
export async function createMark(store: Pick<ObjectStore, 'put'>, mark: LogMark): Promise<void> {
  const text = logMarkDocument.write(mark);
  await createObject(store, logMarkCopyKey(mark), text);
  await createObject(store, logMarkKey(mark), text);
}
