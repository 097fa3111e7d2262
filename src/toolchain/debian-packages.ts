/** The command that installs these Debian packages, as a person would type it when root. */
export function installCommand(packages: readonly string[]): readonly string[] {
  return ['apt-get', 'install', '-y', '--no-install-recommends', ...packages];
}

/** Installs them, as root. Whether they are there then is for the caller to see; the result is the last lines that apt-get said. */
export async function installPackages(packages: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  const { execa } = await import('execa');
  const run = async ([program = '', ...args]: readonly string[]) =>
    execa(program, args, {
      all: true,
      reject: false,
      stdin: 'ignore',
      cancelSignal: signal,
      env: { DEBIAN_FRONTEND: 'noninteractive' },
    });
  await run(['apt-get', 'update', '-qq']);
  signal.throwIfAborted();
  const { all } = await run(installCommand(packages));
  signal.throwIfAborted();
  return (all ?? '').trimEnd().split('\n').slice(-8);
}
