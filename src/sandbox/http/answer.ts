import type { Request, Response } from 'express';

/** What goes back over the wire. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

export function send(response: Response, { status, headers, body }: Answer): void {
  response.status(status).set(headers).send(body);
}

/** The body as it was sent. */
export function rawBody(request: Request): string {
  return Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
}
