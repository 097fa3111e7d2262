/** How a JanusGraph server answers: not at all yet, with its graph open, or with an error, which stays until it is started again. */
export type GraphAnswer = 'silent' | 'open' | { readonly broken: string };

const mimeType = 'application/vnd.gremlin-v3.0+json';

/** Asks the server over its WebSocket whether its graph is open and readable. */
export function askGraph(url: string, withinMs = 10_000): Promise<GraphAnswer> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    const settle = (answer: GraphAnswer) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => settle('silent'), withinMs);
    socket.addEventListener('error', () => settle('silent'));
    socket.addEventListener('close', () => settle('silent'));
    socket.addEventListener('open', () => {
      socket.send(request('graph.isOpen() && g.V().limit(1).count().next() >= 0'));
    });
    socket.addEventListener('message', ({ data }) => {
      const { status } = JSON.parse(
        typeof data === 'string' ? data : new TextDecoder().decode(data as ArrayBuffer),
      ) as {
        status: { code: number; message: string };
      };
      settle(status.code === 200 ? 'open' : { broken: `${status.code} ${status.message}` });
    });
  });
}

/** A GraphSON 3 request, preceded by its type's length and name. */
function request(gremlin: string): Uint8Array {
  const body = JSON.stringify({
    requestId: { '@type': 'g:UUID', '@value': crypto.randomUUID() },
    op: 'eval',
    processor: '',
    args: { '@type': 'g:Map', '@value': ['gremlin', gremlin, 'language', 'gremlin-groovy'] },
  });
  return new TextEncoder().encode(`${String.fromCharCode(mimeType.length)}${mimeType}${body}`);
}
