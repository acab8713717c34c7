import type { Stack } from './stack.js';

// biome-ignore lint/suspicious/noExplicitAny: the demo reads what it shows, and checks that
type Body = any;

/** Calls Tagih's API as a service of the host product does. */
export async function api(
  stack: Stack,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: Body }> {
  const headers = { authorization: `Bearer ${stack.key}`, 'content-type': 'application/json' };
  const response = await fetch(`${stack.api}/api/v1${path}`, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  const answer: Body = await response.json();
  if (response.status >= 400 && response.status !== 404) {
    throw new Error(`${method} ${path}: ${response.status} ${answer.detail}`);
  }
  return { status: response.status, body: answer };
}

/** Calls the sandbox's own API: what the customer and the calendar do. */
export async function sandbox(
  stack: Stack,
  method: string,
  path: string,
  body?: object,
): Promise<Body> {
  const response = await fetch(`${stack.sandbox}/sandbox${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
  return response.json();
}

/** What `question` answers once `holds` is true of it; an error that names what was awaited after half a minute. */
export async function until<T>(
  what: string,
  question: () => Promise<T>,
  holds: (answer: T) => boolean,
): Promise<T> {
  const end = Date.now() + 30_000;
  for (;;) {
    const answer = await question();
    if (holds(answer)) return answer;
    if (Date.now() > end) throw new Error(`It never came to this: ${what}.`);
    await new Promise((wake) => setTimeout(wake, 100));
  }
}
