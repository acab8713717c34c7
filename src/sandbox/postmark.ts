import { randomUUID } from 'node:crypto';
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { Faults } from './faults.js';
import { type Answer, json, rawBody } from './http/answer.js';
import { serve } from './http/wire.js';
import type { Mail } from './objects.js';
import type { Store } from './store.js';

const MAX_BATCH = 500;
const ADDRESS = /^(?:[^<>]*<)?([^\s<>@]+)@([^\s<>@]+\.[^\s<>@]+|localhost)>?$/;

const messageSchema = z.looseObject({
  From: z.string().default(''),
  To: z.string().default(''),
  Subject: z.string().nullish(),
  Tag: z.string().nullish(),
  HtmlBody: z.string().nullish(),
  TextBody: z.string().nullish(),
  MessageStream: z.string().nullish(),
  Metadata: z.record(z.string(), z.string()).nullish(),
  Attachments: z
    .array(z.looseObject({ Name: z.string(), ContentType: z.string(), Content: z.base64() }))
    .nullish(),
});

interface Result {
  ErrorCode: number;
  Message: string;
  To?: string;
  SubmittedAt?: string;
  MessageID?: string;
}

/** Postmark's sending API: https://postmarkapp.com/developer/api/email-api */
export function postmarkApi(store: Store, faults: Faults): Router {
  const router = Router();
  const handle = (perform: (body: unknown) => Answer) => (request: Request, response: Response) => {
    serve(faults, request, response, () => {
      if (!request.get('x-postmark-server-token'))
        return json(401, {
          ErrorCode: 10,
          Message:
            'The Server Token you provided in the X-Postmark-Server-Token request header was invalid. Please verify that you are using a valid token.',
        });
      const body = parseJson(rawBody(request));
      return body === undefined
        ? json(422, { ErrorCode: 402, Message: 'Received invalid JSON input.' })
        : perform(body);
    });
  };
  router.post(
    '/email',
    handle((body) => {
      const result = accept(store, body);
      return json(result.ErrorCode === 0 ? 200 : 422, result);
    }),
  );
  router.post(
    '/email/batch',
    handle((body) => {
      if (!Array.isArray(body))
        return json(422, { ErrorCode: 402, Message: 'Received invalid JSON input.' });
      if (body.length > MAX_BATCH)
        return json(422, {
          ErrorCode: 410,
          Message: `Batch messages must be at most ${MAX_BATCH}.`,
        });
      return json(
        200,
        store.transaction(() => body.map((message) => accept(store, message))),
      );
    }),
  );
  return router;
}

function accept(store: Store, body: unknown): Result {
  const parsed = messageSchema.safeParse(body);
  if (!parsed.success)
    return { ErrorCode: 403, Message: 'The JSON does not match what an e-mail needs.' };
  const message = parsed.data;
  const recipients = message.To.split(',').map((address) => address.trim());
  if (!ADDRESS.test(message.From))
    return { ErrorCode: 300, Message: `Invalid 'From' address: '${message.From}'.` };
  const wrong = recipients.find((address) => !ADDRESS.test(address));
  if (wrong !== undefined)
    return { ErrorCode: 300, Message: `Error parsing 'To': Illegal email address '${wrong}'.` };
  if (!message.HtmlBody && !message.TextBody)
    return { ErrorCode: 300, Message: 'Provide either email TextBody or HtmlBody or both.' };
  const inactive = recipients.filter((address) => ADDRESS.exec(address)?.[1] === 'inactive');
  if (inactive.length === recipients.length)
    return {
      ErrorCode: 406,
      Message: `You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: ${inactive.join(', ')}. Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a manual suppression.`,
    };
  const mail: Mail = {
    id: randomUUID(),
    object: 'mail',
    created: Math.floor(Date.now() / 1000),
    from: message.From,
    to: message.To,
    subject: message.Subject ?? '',
    tag: message.Tag ?? null,
    html: message.HtmlBody ?? null,
    text: message.TextBody ?? null,
    stream: message.MessageStream ?? 'outbound',
    metadata: message.Metadata ?? {},
    attachments: (message.Attachments ?? []).map(({ Name, ContentType, Content }) => ({
      name: Name,
      contentType: ContentType,
      content: Content,
    })),
  };
  store.insert(mail);
  return {
    To: mail.to,
    SubmittedAt: new Date().toISOString(),
    MessageID: mail.id,
    ErrorCode: 0,
    Message:
      inactive.length > 0
        ? `Message OK, but will not deliver to these inactive addresses: ${inactive.join(', ')}.`
        : 'OK',
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
