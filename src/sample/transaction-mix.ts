import { account, accountNumber, customerName, dateIn, edge, hardwareId, statuses, transfer } from './bank.ts';
import type { EdgeElement, Property, VertexElement } from './element.ts';
import type { GraphOperation } from './operation.ts';
import type { Random } from './random.ts';
import type { PropertyName } from './schema.ts';
import type { BranchWork } from './shard.ts';

/** Who writes: makes the keys of new elements distinct from everything any thread ever made. */
export interface Origin {
  readonly thread: number;
  readonly sequence: number;
}

type Kind = (work: BranchWork, random: Random, origin: Origin) => readonly GraphOperation[] | undefined;

/** The next transaction on a branch: one business event, seeded. Removals keep pace with additions, so the graph keeps its size. */
export function nextTransaction(work: BranchWork, random: Random, origin: Origin): readonly GraphOperation[] {
  for (;;) {
    let ticket = random.below(tickets);
    for (const [weight, kind] of mix) {
      ticket -= weight;
      if (ticket >= 0) continue;
      const operations = kind(work, random, origin);
      if (operations !== undefined) return operations;
      break;
    }
  }
}

/** Opening an account or booking between two always stays possible. */
const fewestAccounts = 4;

const book: Kind = ({ state, accounts, branch }, random, origin) => {
  const from = accounts.pick(random);
  const to = accounts.pick(random);
  if (from === to) return undefined;
  const booked = transfer(random, freshKey('transfer', branch, origin), from, to);
  const amount = Number(valueOf(booked, 'amount'));
  const balance = (key: string, change: number): GraphOperation => ({
    type: 'set-property',
    key,
    property: { name: 'balance', value: Number(valueOf(state.vertices.get(key), 'balance')) + change },
  });
  return [{ type: 'add-edge', edge: booked }, balance(from, -amount), balance(to, amount)];
};

const openAccount: Kind = ({ customers, branch }, random, origin) => {
  const key = freshKey('account', branch, origin);
  // Serials from 10^10 on are the writer's: a bank's own accounts count from zero.
  const serial = 10 ** 10 + origin.thread * 10 ** 8 + origin.sequence;
  return [
    { type: 'add-vertex', vertex: account(random, key, accountNumber(branch, serial)) },
    {
      type: 'add-edge',
      edge: {
        ...edge('holds', freshKey('holds', branch, origin), customers.pick(random), key),
        properties: [{ name: 'role', value: 'owner' }],
      },
    },
  ];
};

const closeAccount: Kind = ({ accounts }, random) =>
  accounts.size <= fewestAccounts ? undefined : [{ type: 'drop-vertex', key: accounts.pick(random) }];

const cancelTransfer: Kind = ({ state, transfers }, random) => {
  if (transfers.size === 0) return undefined;
  const cancelled = state.edges.get(transfers.pick(random));
  return cancelled === undefined ? undefined : [dropEdge(cancelled)];
};

const correctTransfer: Kind = ({ state, transfers }, random) => {
  if (transfers.size === 0) return undefined;
  const { key, label, from } = state.edges.get(transfers.pick(random)) as EdgeElement;
  const property: Property = { name: 'reference', value: `corrected ${random.below(1_000_000)}` };
  return [{ type: 'set-edge-property', key, label, from, property }];
};

const changeCustomer: Kind = ({ customers }, random) => {
  const key = customers.pick(random);
  const properties: Property[] = [
    { name: 'status', value: random.pick(statuses) },
    { name: 'score', value: random.below(1000) / 8 },
  ];
  if (random.chance(0.3)) properties.push({ name: 'name', value: customerName(random) });
  return properties.map((property) => ({ type: 'set-property', key, property }));
};

const changeContact: Kind = ({ state, customers, branch }, random, { thread, sequence }) => {
  const key = customers.pick(random);
  const name = random.chance(0.5) ? 'phone' : 'email';
  const values = (state.vertices.get(key)?.properties ?? []).filter((property) => property.name === name);
  if (values.length > 2 || (values.length > 0 && random.chance(0.4))) {
    return [{ type: 'remove-property', key, name, value: random.pick(values).value }];
  }
  const property: Property =
    name === 'phone'
      ? { name, value: `+33 7 ${branch} ${thread} ${sequence}` }
      : { name, value: `w${thread}.${sequence}@mail.example`, meta: { verified: random.chance(0.5) } };
  return [{ type: 'set-property', key, property }];
};

const annotate: Kind = ({ state, accounts }, random) => {
  const key = accounts.pick(random);
  if (valueOf(state.vertices.get(key), 'note') !== undefined) return [{ type: 'remove-property', key, name: 'note' }];
  return [{ type: 'set-property', key, property: { name: 'note', value: `called ${random.below(100)} times` } }];
};

const registerDevice: Kind = ({ customers, branch }, random, origin) => {
  const key = freshKey('device', branch, origin);
  const device: VertexElement = {
    key,
    label: 'device',
    properties: [
      { name: 'hardware', value: hardwareId(random) },
      { name: 'verified', value: false },
    ],
  };
  return [
    { type: 'add-vertex', vertex: device },
    { type: 'add-edge', edge: edge('uses', freshKey('uses', branch, origin), customers.pick(random), key) },
  ];
};

const retireDevice: Kind = ({ devices }, random) =>
  devices.size === 0 ? undefined : [{ type: 'drop-vertex', key: devices.pick(random) }];

const moveHouse: Kind = ({ state, customers, branch }, random, origin) => {
  const key = customers.pick(random);
  const home = state.edgesAt(key).find(({ label }) => label === 'livesAt');
  if (home === undefined) return undefined;
  const address: VertexElement = {
    key: freshKey('address', branch, origin),
    label: 'address',
    properties: [
      { name: 'street', value: `${1 + random.below(200)} New Street` },
      { name: 'city', value: random.pick(['Paris', 'Oslo', 'Porto']) },
      { name: 'postcode', value: String(10_000 + random.below(90_000)) },
    ],
  };
  return [
    { type: 'drop-vertex', key: home.to },
    { type: 'add-vertex', vertex: address },
    { type: 'add-edge', edge: edge('livesAt', freshKey('livesAt', branch, origin), key, address.key) },
  ];
};

/** Replaces a customer who left, with all that was theirs, by a new one who has an account and a home. */
const replaceCustomer: Kind = (work, random, origin) => {
  const { state, customers, accounts, branch } = work;
  const leaving = customers.pick(random);
  const owned = state.edgesAt(leaving).filter(({ label }) => label === 'holds' || label === 'livesAt');
  if (accounts.size - owned.length < fewestAccounts) return undefined;
  const key = freshKey('customer', branch, origin);
  const address = freshKey('address', branch, origin);
  const arriving: VertexElement = {
    key,
    label: 'customer',
    properties: [
      { name: 'name', value: customerName(random) },
      { name: 'status', value: 'review' },
      { name: 'score', value: random.below(1000) / 8 },
      { name: 'branch', value: branch },
    ],
  };
  const home: VertexElement = {
    key: address,
    label: 'address',
    properties: [
      { name: 'street', value: `${dateIn(random) % 200} New Street` },
      { name: 'city', value: 'Lyon' },
      { name: 'postcode', value: '69001' },
    ],
  };
  const number = accountNumber(branch, 10 ** 10 + origin.thread * 10 ** 8 + origin.sequence);
  const opened = account(random, freshKey('account', branch, origin), number);
  return [
    ...owned.map(({ to }): GraphOperation => ({ type: 'drop-vertex', key: to })),
    { type: 'drop-vertex', key: leaving },
    { type: 'add-vertex', vertex: arriving },
    { type: 'add-vertex', vertex: home },
    { type: 'add-vertex', vertex: opened },
    { type: 'add-edge', edge: edge('livesAt', freshKey('livesAt', branch, origin), key, address) },
    { type: 'add-edge', edge: edge('holds', freshKey('holds', branch, origin), key, opened.key) },
  ];
};

/** A closed account takes about eleven transfers with it, hence the many bookings. */
const mix: ReadonlyArray<readonly [weight: number, kind: Kind]> = [
  [45, book],
  [5, openAccount],
  [2, closeAccount],
  [4, cancelTransfer],
  [6, correctTransfer],
  [8, changeCustomer],
  [10, changeContact],
  [8, annotate],
  [4, registerDevice],
  [4, retireDevice],
  [3, moveHouse],
  [1, replaceCustomer],
];
const tickets = mix.reduce((sum, [weight]) => sum + weight, 0);

function freshKey(label: string, branch: number, { thread, sequence }: Origin): string {
  return `${label}-${branch}-w${thread}.${sequence}`;
}

function valueOf(element: VertexElement | EdgeElement | undefined, name: PropertyName) {
  return element?.properties.find((property) => property.name === name)?.value;
}

function dropEdge({ key, label, from }: EdgeElement): GraphOperation {
  return { type: 'drop-edge', key, label, from };
}
