import { type Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { TrafficRequest } from './traffic.js';

/** Sends one request over the connections of `agent`; rejects when no whole answer comes. */
export function send(
  agent: Agent,
  url: string,
  { method, path, body, headers: own }: TrafficRequest,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...own,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const outgoing = request(new URL(path, url), { agent, method, headers }, (response) => {
      const { statusCode: status = 0 } = response;
      text(response).then((body) => resolve({ status, body }), reject);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
