import { expect, test } from 'vitest';
import type { RingMember } from '../../model/database-node.ts';
import type { Platform } from '../../ports/platform.ts';
import { onlyLooking, requireApartNames, requireHealthyRing } from './ring-check.ts';

const addresses = ['127.9.9.1', '127.9.9.2', '127.9.9.3'];

function member(address: string, change: Partial<RingMember> = {}): RingMember {
  return {
    address,
    hostId: `host-${address}`,
    datacenter: 'hcd-paris',
    rack: 'rack1',
    up: true,
    tokens: ['0'],
    schemaVersion: 'schema-1',
    releaseVersion: '5.0.6',
    ...change,
  };
}

/** Only the two parts of a platform that the function looks at. */
function platformSeeing(views: Readonly<Record<string, readonly RingMember[] | undefined>>): Platform {
  return {
    environment: 'prod',
    nodes: addresses.map((address, at) => ({
      name: `hcd-paris-rack1-sts-${at}`,
      datacenter: 'hcd-paris',
      rack: 'rack1',
      address,
      cqlPort: 9042,
      agent: '',
    })),
    database: { ringSeenBy: async (address: string) => views[address] },
  } as unknown as Platform;
}

const healthy = addresses.map((address) => member(address));

test('B2: a healthy ring passes with its schema version and every member by node name', async () => {
  const ring = await requireHealthyRing(
    platformSeeing({ '127.9.9.1': healthy, '127.9.9.2': healthy, '127.9.9.3': healthy }),
    onlyLooking,
  );
  expect(ring.schemaVersion).toBe('schema-1');
  expect([...ring.members.keys()]).toEqual(['hcd-paris-rack1-sts-0', 'hcd-paris-rack1-sts-1', 'hcd-paris-rack1-sts-2']);
});

test('B2: a node that does not answer stops the backup, by name', async () => {
  const platform = platformSeeing({ '127.9.9.1': healthy, '127.9.9.2': undefined, '127.9.9.3': healthy });
  await expect(requireHealthyRing(platform, onlyLooking)).rejects.toMatchObject({
    code: 'ring-unhealthy',
    kind: 'refused',
    details: ['hcd-paris-rack1-sts-1 (127.9.9.2) does not answer'],
  });
});

test('B2: a node seen as down by only one other stops the backup', async () => {
  const cutOff = [member('127.9.9.1'), member('127.9.9.2', { up: false }), member('127.9.9.3')];
  const platform = platformSeeing({ '127.9.9.1': healthy, '127.9.9.2': healthy, '127.9.9.3': cutOff });
  await expect(requireHealthyRing(platform, onlyLooking)).rejects.toMatchObject({
    details: ['hcd-paris-rack1-sts-2 sees hcd-paris-rack1-sts-1 (127.9.9.2) as down'],
  });
});

test('B2: different schema versions and a node that nobody declared stop the backup', async () => {
  const other = [...healthy.slice(0, 2), member('127.9.9.3', { schemaVersion: 'schema-2' }), member('127.9.9.4')];
  const platform = platformSeeing({ '127.9.9.1': healthy, '127.9.9.2': healthy, '127.9.9.3': other });
  await expect(requireHealthyRing(platform, onlyLooking)).rejects.toMatchObject({
    details: [
      'hcd-paris-rack1-sts-2 sees a node that the configuration does not declare: 127.9.9.4',
      'the nodes have 2 different schema versions: schema-1, schema-2',
    ],
  });
});

test('an unhealthy ring says what the caller did until then, not that nothing was done', async () => {
  const platform = platformSeeing({ '127.9.9.1': healthy, '127.9.9.2': undefined, '127.9.9.3': healthy });
  await expect(
    requireHealthyRing(platform, { means: 'The point needs it.', state: 'The files are in the store.' }),
  ).rejects.toMatchObject({
    happened: 'The database of prod is not healthy. The point needs it.',
    state: 'The files are in the store.',
  });
  await expect(requireHealthyRing(platform, onlyLooking)).rejects.toMatchObject({
    happened: 'The database of prod is not healthy.',
    state: 'Nothing was changed.',
  });
});

test('nodes whose names Medusa would mix up are refused, and ten in a rack are not', () => {
  const named = (count: number) => ({
    environment: 'prod',
    nodes: Array.from({ length: count }, (_, at) => ({
      name: `hcd-paris-rack1-sts-${at}`,
      datacenter: 'hcd-paris',
      rack: 'rack1',
      address: `127.9.9.${at + 1}`,
      cqlPort: 9042,
      agent: `http://127.9.9.${at + 1}:7400`,
    })),
  });
  requireApartNames(named(10));
  expect(() => requireApartNames(named(11))).toThrow(
    expect.objectContaining({
      code: 'node-names-overlap',
      details: ['the name hcd-paris-rack1-sts-10 begins with hcd-paris-rack1-sts-1'],
    }),
  );
});
