import { inProofSpace, type ProvingGround, unmet } from './proof.ts';

/** A web server on a volume, behind a service, asked by name from another pod; its log and a command run in it. */
export async function provePods(ground: ProvingGround): Promise<void> {
  const { kubectl, image } = ground;
  await inProofSpace(ground, 'cardea-lab-test', async ({ name, here, apply, until }) => {
    await apply(claim, webServer(image), service, visitor(image, `http://web.${name}.svc.cluster.local/`));
    const log = async () => kubectl.run(['logs', here, 'visitor', '--tail=8']).catch(() => '');
    await until('a pod reaches a service by its name', async () => (await log()).includes('hello from web'), log);
    await kubectl.run(['wait', here, '--for=condition=Ready', 'pod/web', '--timeout=30s']);
    const said = await kubectl.run(['exec', here, 'web', '--', 'cat', '/www/index.html']);
    if (said.trim() !== 'hello from web') throw unmet('exec did not return the file of the container.', said);
  });
}

function webServer(image: string): object {
  return pod('web', image, 'echo "hello from web" > /www/index.html && exec httpd -f -p 8080 -h /www', {
    ports: [{ containerPort: 8080 }],
    volumeMounts: [{ name: 'pages', mountPath: '/www' }],
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
  });
}

/** Of the class that is there for claims that name none. */
const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'pages' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
};

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
};

function visitor(image: string, address: string): object {
  const ask = `if command -v curl > /dev/null; then curl --silent --fail --max-time 2 "$1"; else wget -q -T 2 -O - "$1"; fi`;
  return pod('visitor', image, `set -- ${address}; until ${ask}; do sleep 1; done; sleep 3600`, {});
}

function pod(name: string, image: string, script: string, more: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      volumes: name === 'web' ? [{ name: 'pages', persistentVolumeClaim: { claimName: 'pages' } }] : [],
      containers: [{ name, image, imagePullPolicy: 'IfNotPresent', command: ['/bin/sh', '-c', script], ...more }],
    },
  };
}
