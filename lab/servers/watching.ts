import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../src/host/write-whole.ts';
import { addresses, ports } from '../addresses.ts';
import { lacksHealth } from './health.ts';
import type { Lab } from '../lab.ts';
import type { LabServer } from './server.ts';

/** Prometheus and Alertmanager. */
export function watching(lab: Lab): readonly LabServer[] {
  return [alertmanager(lab), prometheus(lab)];
}

function alertmanager(lab: Lab): LabServer {
  const file = join(lab.places.configuration, 'alertmanager.json');
  const data = join(lab.places.home, 'alertmanager');
  const address = `${addresses.node}:${ports.alertmanager}`;
  return {
    name: 'alertmanager',
    title: 'Alertmanager',
    version: lab.system.alertmanager,
    prepare() {
      mkdirSync(data, { recursive: true });
      writeWhole(file, json({ route: { receiver: 'nobody' }, receivers: [{ name: 'nobody' }] }));
    },
    command: [
      'prometheus-alertmanager',
      `--config.file=${file}`,
      `--storage.path=${data}`,
      `--web.listen-address=${address}`,
      // One alone: no cluster of them.
      '--cluster.listen-address=',
    ],
    lacks: () => lacksHealth(lab, `http://${address}/-/ready`),
    withinMs: 60_000,
  };
}

function prometheus(lab: Lab): LabServer {
  const file = join(lab.places.configuration, 'prometheus.json');
  const rules = join(lab.places.configuration, 'rules');
  const data = join(lab.places.home, 'prometheus');
  const address = `${addresses.node}:${ports.prometheus}`;
  return {
    name: 'prometheus',
    title: 'Prometheus',
    version: lab.system.prometheus,
    prepare() {
      for (const folder of [data, rules]) mkdirSync(folder, { recursive: true });
      writeWhole(file, json(prometheusConfiguration(rules)));
    },
    command: [
      'prometheus',
      `--config.file=${file}`,
      `--storage.tsdb.path=${data}`,
      `--web.listen-address=${address}`,
      '--web.enable-lifecycle',
      '--storage.tsdb.retention.time=2d',
    ],
    lacks: () => lacksHealth(lab, `http://${address}/-/ready`),
    withinMs: 60_000,
  };
}

/**
 * Rules from files of the folder; targets: itself, and services by their names in the cluster. Debian's Prometheus cannot ask Kubernetes.
 */
function prometheusConfiguration(rules: string): object {
  const service = (job: string, name: string, port: number) => ({
    job_name: job,
    dns_sd_configs: [{ names: [`${name}.svc.${addresses.clusterDomain}`], type: 'A', port, refresh_interval: '10s' }],
  });
  return {
    global: { scrape_interval: '10s', evaluation_interval: '10s' },
    rule_files: [join(rules, '*.yaml')],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [`${addresses.node}:${ports.alertmanager}`] }] }] },
    scrape_configs: [
      { job_name: 'prometheus', static_configs: [{ targets: [`${addresses.node}:${ports.prometheus}`] }] },
      service('tekton', 'tekton-pipelines-controller.tekton-pipelines', 9090),
      service('argocd', 'argocd-metrics.argocd', 8082),
    ],
  };
}

/** JSON is YAML too. */
function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
