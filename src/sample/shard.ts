import { isDormant, type Bank } from './bank.ts';
import type { BankState } from './bank-state.ts';
import type { GraphOperation } from './operation.ts';
import type { Random } from './random.ts';

/** Branches that a thread of the writer owns: the awake ones dealt out in turn. No edge leaves a branch, so shards share no element. */
export function ownedBranches(bank: Bank, thread: number, threads: number): readonly number[] {
  return Array.from({ length: bank.branches }, (_, index) => index)
    .filter((index) => !isDormant(index))
    .filter((_, at) => at % threads === thread);
}

/** Number of the branch in a business key: `account-3-17` is of branch 3. */
export function branchOf(key: string): number {
  return Number(key.split('-')[1]);
}

/** One branch as a writer works on it: its state, and the keys of each label to pick from. */
export class BranchWork {
  readonly branch: number;
  readonly state: BankState;
  readonly customers = new Roster();
  readonly accounts = new Roster();
  readonly devices = new Roster();
  readonly transfers = new Roster();

  constructor(branch: number, state: BankState) {
    this.branch = branch;
    this.state = state;
    for (const vertex of state.vertices.values()) this.#rosterOf(vertex.key)?.add(vertex.key);
    for (const edge of state.edges.values()) this.#rosterOf(edge.key)?.add(edge.key);
  }

  apply(operation: GraphOperation): void {
    switch (operation.type) {
      case 'add-vertex':
        this.#rosterOf(operation.vertex.key)?.add(operation.vertex.key);
        break;
      case 'add-edge':
        this.#rosterOf(operation.edge.key)?.add(operation.edge.key);
        break;
      case 'drop-vertex':
        for (const edge of this.state.edgesAt(operation.key)) this.#rosterOf(edge.key)?.remove(edge.key);
        this.#rosterOf(operation.key)?.remove(operation.key);
        break;
      case 'drop-edge':
        this.#rosterOf(operation.key)?.remove(operation.key);
        break;
      default:
    }
    this.state.apply(operation);
  }

  #rosterOf(key: string): Roster | undefined {
    switch (key.slice(0, key.indexOf('-'))) {
      case 'customer':
        return this.customers;
      case 'account':
        return this.accounts;
      case 'device':
        return this.devices;
      case 'transfer':
        return this.transfers;
      default:
        return undefined;
    }
  }
}

/** Keys to pick from at random, each step in constant time. The order depends on the history alone, so picks are reproducible. */
export class Roster {
  readonly #keys: string[] = [];
  readonly #places = new Map<string, number>();

  get size(): number {
    return this.#keys.length;
  }

  add(key: string): void {
    this.#places.set(key, this.#keys.length);
    this.#keys.push(key);
  }

  /** The last key takes the removed one's place. */
  remove(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    const last = this.#keys.pop();
    if (last === undefined || last === key) return;
    this.#keys[place] = last;
    this.#places.set(last, place);
  }

  /** The roster must not be empty. */
  pick(random: Random): string {
    return random.pick(this.#keys);
  }
}
