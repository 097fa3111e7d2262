import { existsSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { addresses, ports } from '../addresses.ts';
import { type Passage, passageArguments } from './door.ts';
import type { LabPlaces } from '../folders.ts';
import type { LabServer } from './server.ts';

/** The inner and the outer door. The inner one is there before anything listens behind it. */
export function doors(places: LabPlaces, hostAddress: string): readonly LabServer[] {
  const open = Object.entries(ports);
  const socket = (name: string) => ({ path: join(places.doors, name) });
  const inner = open.map(([name, port]) => ({ from: socket(name), to: { host: addresses.node, port } }));
  const outer = open.map(([name, port]) => ({ from: { host: hostAddress, port }, to: socket(name) }));
  return [
    door(places, 'inner-door', inner, async () =>
      open.every(([name]) => existsSync(socket(name).path)) ? undefined : 'a socket',
    ),
    { ...door(places, 'outer-door', outer, () => lacksListener(hostAddress, ports.apiserver)), outside: true },
  ];
}

function door(places: LabPlaces, name: string, passages: readonly Passage[], lacks: LabServer['lacks']): LabServer {
  return {
    name,
    title: name.replace('-', ' '),
    version: process.version,
    prepare: () => void mkdirSync(places.doors, { recursive: true, mode: 0o700 }),
    command: [
      process.execPath,
      '--max-semi-space-size=1',
      join(import.meta.dirname, 'door.ts'),
      ...passages.flatMap(passageArguments),
    ],
    lacks,
    withinMs: 20_000,
  };
}

function lacksListener(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.on('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on('error', (error) => {
      resolve(`${host}:${port}: ${error.message}`);
    });
  });
}
