import { describe, expect, test } from 'vitest';
import { mailClient, startWorld } from './support/world.js';

const message = {
  From: 'Tagih <billing@tagih.test>',
  To: 'admin@team.test',
  Subject: 'Your payment <failed>',
  Tag: 'payment-warning',
  HtmlBody: '<h1>Dear team</h1>',
  TextBody: 'Dear team',
  Metadata: { teamId: 'team-1', cause: 'in_1' },
};

describe('mail', () => {
  test('one mail is taken and can be read, by a test and in the browser', async () => {
    const { mail, control, sandbox } = await startWorld();
    const sent = await mail.sendEmail(message);
    expect(sent).toMatchObject({ ErrorCode: 0, Message: 'OK', To: 'admin@team.test' });
    expect(await control('GET', '/mails?to=admin@team.test&tag=payment-warning')).toMatchObject([
      { id: sent.MessageID, tag: 'payment-warning', metadata: { teamId: 'team-1' } },
    ]);
    expect(await control('GET', '/mails?tag=other')).toEqual([]);
    const list = await (await fetch(`${sandbox.url}/mailbox`)).text();
    expect(list).toContain('Your payment &#60;failed&#62;');
    const shown = await (await fetch(`${sandbox.url}/mailbox/${sent.MessageID}`)).text();
    expect(shown).toContain('<iframe sandbox');
    expect(shown).not.toContain('<h1>Dear team</h1>');
  });

  test('a batch answers each message on its own', async () => {
    const { mail, control } = await startWorld();
    const results = await mail.sendEmailBatch([
      message,
      { ...message, To: 'inactive@team.test' },
      { ...message, To: 'nobody' },
    ]);
    expect(results.map((result) => result.ErrorCode)).toEqual([0, 406, 300]);
    expect(await control<unknown[]>('GET', '/mails')).toHaveLength(1);
  });

  test('what is attached is kept, and can be taken in the browser', async () => {
    const { mail, control, sandbox } = await startWorld();
    const Content = Buffer.from('paid').toString('base64');
    const attached = { Name: 'a.txt', ContentType: 'text/plain', Content, ContentID: null };
    const sent = await mail.sendEmail({ ...message, Attachments: [attached] });
    expect(await control('GET', '/mails')).toMatchObject([
      { attachments: [{ name: 'a.txt', contentType: 'text/plain', content: Content }] },
    ]);
    const shown = await (await fetch(`${sandbox.url}/mailbox/${sent.MessageID}`)).text();
    expect(shown).toContain(`<a download="a.txt" href="data:text/plain;base64,${Content}">`);
  });

  test('refusals carry what the client makes its errors of', async () => {
    const { mail, sandbox } = await startWorld();
    await expect(mail.sendEmail({ ...message, To: 'inactive@team.test' })).rejects.toMatchObject({
      name: 'InactiveRecipientsError',
      recipients: ['inactive@team.test'],
    });
    await expect(mail.sendEmail({ ...message, From: 'nobody' })).rejects.toMatchObject({
      name: 'InvalidEmailRequestError',
      statusCode: 422,
    });
    const noToken = await fetch(`${sandbox.url}/email`, { method: 'POST', body: '{}' });
    expect(noToken.status).toBe(401);
    expect(await noToken.json()).toMatchObject({ ErrorCode: 10 });
    await expect(mailClient(sandbox, 'any').sendEmail(message)).resolves.toMatchObject({
      ErrorCode: 0,
    });
  });
});
