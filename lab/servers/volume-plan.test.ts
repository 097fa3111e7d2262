import { expect, test } from 'vitest';
import { type Claim, planVolumes, provisioner, type Volume, volumeFor, volumeName } from './volume-plan.ts';

function claim(name: string, spec: Partial<Claim['spec']> = {}): Claim {
  return {
    metadata: { name, namespace: 'here', uid: `uid-${name}` },
    spec: {
      storageClassName: 'lab',
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      ...spec,
    },
  };
}

function volume(name: string, phase: string, by: string = provisioner, policy = 'Delete'): Volume {
  return {
    metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': by } },
    spec: { persistentVolumeReclaimPolicy: policy },
    status: { phase },
  };
}

test('a claim of the class gets a volume once; bound claims, block devices and other classes get none', () => {
  const wanted = claim('wanted');
  const others = [
    claim('bound', { volumeName: 'pv' }),
    claim('block', { volumeMode: 'Block' }),
    claim('other', { storageClassName: 'fast' }),
  ];
  expect(planVolumes([wanted, ...others], []).make).toEqual([wanted]);
  expect(planVolumes([wanted], [volume(volumeName(wanted), 'Available')]).make).toEqual([]);
});

test('a volume goes when its claim is gone, and only if it is ours and not to be kept', () => {
  const ours = volume('ours', 'Released');
  const others = [
    volume('bound', 'Bound'),
    volume('kept', 'Released', provisioner, 'Retain'),
    volume('another', 'Released', 'somebody.else/provisioner'),
  ];
  expect(planVolumes([], [ours, ...others]).remove).toEqual([ours]);
});

test('a volume is for its claim alone', () => {
  expect(volumeFor(claim('data'), '/volumes/x')).toMatchObject({
    metadata: { name: 'pvc-uid-data' },
    spec: {
      claimRef: { name: 'data', namespace: 'here', uid: 'uid-data' },
      capacity: { storage: '1Gi' },
      local: { path: '/volumes/x' },
    },
  });
});
