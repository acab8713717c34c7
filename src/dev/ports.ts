import { connect, createServer } from 'node:net';

/** The preferred ports, each replaced by the next one that is free where something listens on it. */
export async function choosePorts<Name extends string>(
  preferred: Record<Name, number>,
): Promise<Record<Name, number>> {
  const chosen = new Set<number>();
  const ports = { ...preferred };
  for (const name of Object.keys(preferred) as Name[]) {
    let port = preferred[name];
    while (chosen.has(port) || !(await isFree(port))) port += 1;
    if (port > 65_535) throw new Error(`No port is free from ${preferred[name]} on.`);
    ports[name] = port;
    chosen.add(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  return (await canListen(port)) && !(await isListening(port));
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * Whether `localhost` answers. On macOS one program may listen on 127.0.0.1 beside another on all
 * addresses, and which of them a browser reaches is chance.
 */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: 'localhost' });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
