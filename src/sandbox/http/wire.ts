import type { Request, Response } from 'express';
import { type Fault, type Faults, faultAnswer } from '../faults.js';
import { type Answer, send } from './answer.js';

/** Serves a request by `perform`, or fails it on purpose. `hold` runs while a request hangs. */
export function serve(
  faults: Faults,
  request: Request,
  response: Response,
  perform: (storedFault?: Fault) => Answer,
  hold: () => () => void = () => () => undefined,
): number | null {
  const fault = faults.take(request.method, request.path, request.get('idempotency-key'));
  if (fault?.kind === 'error' && fault.stored) return finish(response, perform(fault));
  const answer = !fault || fault.after ? perform() : undefined;
  switch (fault?.kind) {
    case 'error':
      return finish(response, faultAnswer(fault));
    case 'reset':
      request.socket.destroy();
      return null;
    case 'timeout':
      // Never answered: the socket stays open until the client gives up.
      if (!fault.after) response.once('close', hold());
      return null;
    default:
      return answer ? finish(response, answer) : null;
  }
}

function finish(response: Response, answer: Answer): number {
  send(response, answer);
  return answer.status;
}
