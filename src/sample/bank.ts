import { UsageProblem } from '../model/problem.ts';
import type { EdgeElement, VertexElement } from './element.ts';
import { randomOf, type Random } from './random.ts';

export interface BankOptions {
  readonly seed: string;
  readonly branches: number;
  readonly customersPerBranch: number;
}

/**
 * A banking graph as a value: the same options give the same elements, generated when asked for. It is made of branches; no edge
 * leaves its branch, so that whoever owns a branch owns every element it can touch.
 */
export interface Bank extends BankOptions {
  readonly counts: { readonly vertices: number; readonly edges: number };
  branch(index: number): Branch;
}

export interface Branch {
  readonly index: number;
  readonly vertices: readonly VertexElement[];
  readonly edges: readonly EdgeElement[];
}

/** The demo's size: 11,000 vertices and 34,100 edges. */
export const demoScale: BankOptions = { seed: 'cardea', branches: 22, customersPerBranch: 100 };

/** Elements of one label per customer of a branch. */
const perCustomer = { accounts: 2, devices: 1, addresses: 1, transfers: 11 };

/** Throws UsageProblem `bad-bank` for a size that is no bank. */
export function bankOf(options: Partial<BankOptions> = {}): Bank {
  const { seed, branches, customersPerBranch } = { ...demoScale, ...options };
  if (!Number.isInteger(branches) || branches < 1 || !Number.isInteger(customersPerBranch) || customersPerBranch < 2) {
    throw new UsageProblem({
      code: 'bad-bank',
      happened: `A sample graph of ${branches} branches with ${customersPerBranch} customers each cannot be made.`,
      state: 'Nothing was generated.',
      next: 'Ask for at least one branch and two customers in each.',
    });
  }
  const vertices = customersPerBranch * (1 + perCustomer.accounts + perCustomer.devices + perCustomer.addresses);
  const edges =
    customersPerBranch * (perCustomer.accounts + 2 + perCustomer.transfers) + Math.floor(customersPerBranch / 2);
  return {
    seed,
    branches,
    customersPerBranch,
    counts: { vertices: vertices * branches, edges: edges * branches },
    branch: (index) => generateBranch(seed, index, customersPerBranch),
  };
}

/** Every fourth branch is dormant: no writer ever touches it, so a bad job that strikes there and a running writer never meet. */
export function isDormant(branch: number): boolean {
  return branch % 4 === 0;
}

/** An account number in the form of an IBAN, with its two check digits (ISO 7064 mod 97-10). Distinct for each branch and serial below 10^11. */
export function accountNumber(branch: number, serial: number): string {
  const body = `${String(branch).padStart(5, '0')}${String(serial).padStart(11, '0')}`;
  // CD as digits is 1213; the check digits stand as 00 while they are computed.
  const check = 98n - (BigInt(`${body}121300`) % 97n);
  return `CD${String(check).padStart(2, '0')}${body}`;
}

/** Milliseconds; every generated date lies in the four years after. */
const epoch = Date.UTC(2022, 0, 1);
const fourYears = 4 * 365 * 86_400;

const givenNames = ['Ada', 'Bela', 'Chen', 'Dario', 'Elif', 'Fatou', 'Goran', 'Hana', 'Ines', 'Jonas', 'Kofi', 'Lena'];
const familyNames = [
  'Almeida',
  'Bauer',
  'Costa',
  'Dubois',
  'Eriksen',
  'Fischer',
  'Garcia',
  'Hoang',
  'Ivanov',
  'Jansen',
];
const cities = ['Paris', 'Lyon', 'Lisbon', 'Vienna', 'Oslo', 'Porto', 'Ghent', 'Turin'];
const streets = ['Mill Lane', 'Station Road', 'Harbour Street', 'Garden Way', 'Bridge Street'];
export const statuses = ['active', 'frozen', 'closed', 'review'] as const;

export function customerName(random: Random): string {
  return `${random.pick(givenNames)} ${random.pick(familyNames)}`;
}

export function dateIn(random: Random): number {
  return epoch + random.below(fourYears) * 1000;
}

export function hardwareId(random: Random): string {
  const word = () =>
    random
      .below(2 ** 16)
      .toString(16)
      .padStart(4, '0');
  return `${word()}${word()}-${word()}-4${word().slice(1)}-8${word().slice(1)}-${word()}${word()}${word()}`;
}

function generateBranch(seed: string, branch: number, customers: number): Branch {
  const random = randomOf('bank', seed, branch);
  const vertices: VertexElement[] = [];
  const edges: EdgeElement[] = [];
  const key = (label: string, index: number) => `${label}-${branch}-${index}`;
  for (let index = 0; index < customers; index += 1) {
    vertices.push(customer(random, branch, index), address(random, key('address', index)), {
      key: key('device', index),
      label: 'device',
      properties: [
        { name: 'hardware', value: hardwareId(random) },
        { name: 'verified', value: random.chance(0.7) },
      ],
    });
    edges.push(
      edge('livesAt', key('livesAt', index), key('customer', index), key('address', index)),
      edge('uses', key('uses', index), key('customer', index), key('device', index)),
    );
    // Every second device is shared by two customers: graphs are about what is shared.
    if (index % 2 === 1) {
      edges.push(edge('uses', key('uses', customers + index), key('customer', index), key('device', index - 1)));
    }
  }
  const accounts = customers * perCustomer.accounts;
  for (let index = 0; index < accounts; index += 1) {
    vertices.push(account(random, key('account', index), accountNumber(branch, index)));
    const owner = key('customer', Math.floor(index / perCustomer.accounts));
    edges.push({
      ...edge('holds', key('holds', index), owner, key('account', index)),
      properties: [{ name: 'role', value: random.pick(['owner', 'joint', 'trustee']) }],
    });
  }
  for (let index = 0; index < customers * perCustomer.transfers; index += 1) {
    const from = random.below(accounts);
    const to = (from + 1 + random.below(accounts - 1)) % accounts;
    edges.push(transfer(random, key('transfer', index), key('account', from), key('account', to)));
  }
  return { index: branch, vertices, edges };
}

function customer(random: Random, branch: number, index: number): VertexElement {
  const emails = 1 + random.below(2);
  const phones = random.below(3);
  return {
    key: `customer-${branch}-${index}`,
    label: 'customer',
    properties: [
      { name: 'name', value: customerName(random) },
      { name: 'status', value: random.chance(0.85) ? 'active' : random.pick(statuses) },
      { name: 'score', value: random.below(1000) / 8 },
      { name: 'branch', value: branch },
      ...Array.from({ length: emails }, (_, at) => ({
        name: 'email' as const,
        value: `c${branch}.${index}.${at}@mail.example`,
        meta: { verified: random.chance(0.5) },
      })),
      ...Array.from({ length: phones }, (_, at) => ({
        name: 'phone' as const,
        value: `+33 1 ${branch} ${index} ${at}`,
      })),
    ],
  };
}

function address(random: Random, key: string): VertexElement {
  return {
    key,
    label: 'address',
    properties: [
      { name: 'street', value: `${1 + random.below(200)} ${random.pick(streets)}` },
      { name: 'city', value: random.pick(cities) },
      { name: 'postcode', value: String(10_000 + random.below(90_000)) },
    ],
  };
}

/** An account with its number, an opening balance and an overdraft in cents and, for every third, a note. */
export function account(random: Random, key: string, number: string): VertexElement {
  return {
    key,
    label: 'account',
    properties: [
      { name: 'number', value: number },
      { name: 'balance', value: random.below(5_000_000) },
      { name: 'overdraft', value: random.below(20) * 10_000 },
      { name: 'openedAt', value: dateIn(random) },
      ...(random.chance(1 / 3) ? [{ name: 'note' as const, value: `reviewed ${random.below(100)}` }] : []),
    ],
  };
}

export function transfer(random: Random, key: string, from: string, to: string): EdgeElement {
  return {
    ...edge('transfer', key, from, to),
    properties: [
      { name: 'amount', value: 1 + random.below(200_000) },
      { name: 'reference', value: `invoice ${random.below(1_000_000)}` },
      { name: 'at', value: dateIn(random) },
    ],
  };
}

export function edge(label: EdgeElement['label'], key: string, from: string, to: string): EdgeElement {
  return { key, label, from, to, properties: [] };
}
