import { defineConfig } from 'cardea';

export default defineConfig({
  name: 'janusgraph-banking',
  chart: 'helm/janusgraph-banking',
  environments: {
    local: { platform: { kind: 'sandbox' } },
    dev: {
      platform: { kind: 'kubernetes', namespace: 'janusgraph-banking-dev' },
      promotesTo: 'staging',
      datacenter: { size: 5 },
      backup: {
        store: {
          kind: 's3',
          bucket: 'janusgraph-banking-backups-dev',
          accessKeyId: { secret: 's3-backup-credentials', key: 'access-key-id' },
          secretAccessKey: { secret: 's3-backup-credentials', key: 'secret-access-key' },
        },
      },
    },
    staging: {
      platform: { kind: 'kubernetes', namespace: 'janusgraph-banking-staging' },
      promotesTo: 'prod',
      datacenter: { size: 5 },
      backup: {
        store: {
          kind: 's3',
          bucket: 'janusgraph-banking-backups-staging',
          accessKeyId: { secret: 's3-backup-credentials', key: 'access-key-id' },
          secretAccessKey: { secret: 's3-backup-credentials', key: 'secret-access-key' },
        },
      },
    },
    prod: {
      platform: { kind: 'kubernetes', namespace: 'janusgraph-banking-prod' },
      sync: 'manual',
      approval: { required: true },
      datacenter: { size: 5 },
      backup: {
        store: {
          kind: 's3',
          bucket: 'janusgraph-banking-backups-prod',
          accessKeyId: { secret: 's3-backup-credentials', key: 'access-key-id' },
          secretAccessKey: { secret: 's3-backup-credentials', key: 'secret-access-key' },
        },
      },
    },
  },
});
