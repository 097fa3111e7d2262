import type { Lab } from '../lab.ts';

/** Undefined when the address answers 200, else what it said; asked from inside the namespaces. */
export async function lacksHealth(lab: Pick<Lab, 'enclosure'>, url: string): Promise<string | undefined> {
  // A proxy of the host's knows nothing of the lab; certificates here are ones that servers made for themselves at start.
  const options = ['--silent', '--show-error', '--noproxy', '*', '--insecure', '--max-time', '5', '--fail'];
  const [program, ...args] = [...lab.enclosure.enter, 'curl', ...options, url] as const;
  const { execa } = await import('execa');
  const { failed, stderr } = await execa(program, args, { reject: false, stdin: 'ignore' });
  return failed ? (stderr.trim().split('\n').at(-1) ?? 'no answer') : undefined;
}
