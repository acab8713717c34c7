import type { Mail } from '../objects.js';
import { html, page, time } from './html.js';
import { table } from './overview.js';

export function mailboxPage(mails: Mail[]): string {
  return page(
    'Mailbox',
    html`<p><a href="/">Sandbox</a></p>
      ${table(
        ['Time', 'Tag', 'To', 'Subject', 'Metadata'],
        mails.map((mail) => [
          time(mail.created),
          mail.tag,
          mail.to,
          html`<a href="/mailbox/${mail.id}">${mail.subject}</a>`,
          html`<code>${JSON.stringify(mail.metadata)}</code>`,
        ]),
      )}`,
  );
}

export function mailPage(mail: Mail): string {
  return page(
    mail.subject,
    html`<p><a href="/mailbox">Mailbox</a> · ${time(mail.created)} · from ${mail.from} to ${mail.to} · ${mail.tag}</p>
      <p><code>${JSON.stringify(mail.metadata)}</code></p>
      ${(mail.attachments ?? []).map(
        ({ name, contentType, content }) =>
          html`<p><a download="${name}" href="data:${contentType};base64,${content}">${name}</a></p>`,
      )}
      ${mail.html === null ? html`` : html`<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" title="The mail" srcdoc="<base target='_blank'>${mail.html}"></iframe>`}
      ${mail.text === null ? html`` : html`<pre>${mail.text}</pre>`}`,
  );
}
