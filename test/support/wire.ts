import { connect, createServer, type Server, type Socket } from 'node:net';
import { choosePorts } from '../../src/dev/ports.js';

/** A connection to a server that can be cut: connections break, and new ones are refused, until it is mended. */
export async function startWire(host: string, port: number) {
  // Below the ports that outgoing connections take, so that it is still free after a cut.
  const wire = await choosePorts({ port: 5_000 + (process.pid % 5_000) });
  const sockets = new Set<Socket>();
  let server: Server | undefined;

  async function mend(): Promise<void> {
    const listening = createServer((near) => {
      const far = connect(port, host);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(socket);
        // Either end may break at any time; what matters is that the other one hears of it.
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    await new Promise<void>((resolve, reject) => {
      listening.once('error', reject).listen(wire.port, '127.0.0.1', resolve);
    });
    server = listening;
  }

  async function cut(): Promise<void> {
    const closed = new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
    for (const socket of sockets) socket.destroy();
    await closed;
    server = undefined;
  }

  await mend();
  return { host: '127.0.0.1', port: wire.port, cut, mend };
}
