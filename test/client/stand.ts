import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that came in. `forward` hands it on to the product, and what that answers is the way back. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  forward(): Promise<Reply>;
}

/** What is answered; `cut` closes the connection instead, and `torn` in the middle of the answer. */
export type Reply =
  | { status: number; headers?: Record<string, string>; body: string }
  | 'cut'
  | 'torn';

export type Stand = Awaited<ReturnType<typeof startStand>>;

/** A server in front of the product that behaves as the test says, and remembers what came. */
export async function startStand(target: string, behave: (request: Received) => Promise<Reply>) {
  const received: Received[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { method = '', url: path = '', headers } = incoming;
    const body = Buffer.concat(chunks).toString();
    const request: Received = {
      method,
      path,
      headers,
      body,
      async forward() {
        const { authorization = '', 'content-type': type = '' } = headers;
        const response = await fetch(`${target}${path}`, {
          method,
          headers: { authorization, 'content-type': type },
          ...(body !== '' && { body }),
        });
        return {
          status: response.status,
          headers: { 'content-type': String(response.headers.get('content-type')) },
          body: await response.text(),
        };
      },
    };
    received.push(request);
    const reply = await behave(request);
    if (reply === 'cut') return void incoming.socket.destroy();
    if (reply === 'torn') {
      outgoing.writeHead(200, { 'content-length': 1_000 });
      return void outgoing.write('{"result":"rec', () => incoming.socket.destroy());
    }
    outgoing.writeHead(reply.status, reply.headers).end(reply.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    /** The events of all requests for usage, request by request. */
    sent: () =>
      received
        .filter(({ method }) => method === 'POST')
        .map(({ path, body }): { idempotencyKey: string; tokens: number }[] =>
          path.endsWith('/batch') ? JSON.parse(body).events : [JSON.parse(body)],
        ),
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A problem as Tagih answers it. */
export const problem = (status: number, code: string, headers: Record<string, string> = {}) => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: JSON.stringify({ type: code, title: code, status, detail: `It is ${code}.`, code }),
});

/** A gate that is shut until it is opened. */
export function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}
