import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface TcpConnection {
  readonly local: string;
  readonly remote: string;
  readonly remoteAddress: string;
  readonly inode: string;
}

/** TCP connections (not listening sockets) that the processes hold, as the kernel lists them: IPv4, and IPv4 inside IPv6, which Java uses. */
export function connectionsOf(pids: readonly number[]): ReadonlyArray<TcpConnection & { readonly pid: number }> {
  const connections = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => parseTcpTable(readText(file) ?? ''));
  const byInode = new Map(connections.map((connection) => [connection.inode, connection]));
  return pids.flatMap((pid) =>
    socketInodes(pid).flatMap((inode) => {
      const connection = byInode.get(inode);
      return connection === undefined ? [] : [{ pid, ...connection }];
    }),
  );
}

/** Rows of /proc/net/tcp or tcp6 that are neither listening nor over. Addresses are hexadecimal in host byte order. */
export function parseTcpTable(table: string): readonly TcpConnection[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
      if (local === undefined || remote === undefined || inode === undefined || state === '0A' || inode === '0')
        return [];
      const far = endpoint(remote);
      return [{ local: endpoint(local).text, remote: far.text, remoteAddress: far.address, inode }];
    });
}

function endpoint(hex: string): { readonly address: string; readonly text: string } {
  const [host = '', port = '0'] = hex.split(':');
  const mapped = host.length === 32 && /^0{16}F{4}0{4}|^0{16}0000FFFF/i.test(host);
  const address = host.length === 8 || mapped ? ipv4(host.slice(-8)) : host.toLowerCase();
  return { address, text: `${address}:${Number.parseInt(port, 16)}` };
}

/** The kernel prints the four bytes as one little-endian number. */
function ipv4(hex: string): string {
  return [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join('.');
}

function socketInodes(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    // The process is gone, and its connections with it.
    return [];
  }
  return names.flatMap((name) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${name}`))?.[1];
      return inode === undefined ? [] : [inode];
    } catch {
      // Closed since the listing.
      return [];
    }
  });
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // A kernel without IPv6 has no second table.
    return undefined;
  }
}
