/** @jsxRuntime automatic */
// tsx reads tsconfig.json of the folder that it is started in, which may be any.
import { renderToStaticMarkup } from 'react-dom/server';

/** What a mail says: it is shown as HTML and as plain text alike. */
export interface Content {
  subject: string;
  paragraphs: string[];
  /** Rows of figures, such as a month's usage. */
  figures?: { label: string; value: string }[];
  action?: { label: string; url: string };
}

/** Mail clients know no style sheets, hence the styles in the elements. */
function Layout({ subject, paragraphs, figures, action }: Content) {
  return (
    <html lang="en">
      <body style={{ fontFamily: 'sans-serif', color: '#1a1a1a', margin: 0, padding: '24px' }}>
        <div style={{ maxWidth: '560px', margin: '0 auto' }}>
          <h1 style={{ fontSize: '20px' }}>{subject}</h1>
          {paragraphs.map((text) => (
            <p key={text} style={{ lineHeight: 1.5 }}>
              {text}
            </p>
          ))}
          {figures && (
            <table style={{ borderCollapse: 'collapse', width: '100%' }}>
              <tbody>
                {figures.map(({ label, value }) => (
                  <tr key={label}>
                    <td style={{ padding: '6px 0', color: '#555' }}>{label}</td>
                    <td style={{ padding: '6px 0', textAlign: 'right' }}>{value}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {action && (
            <p>
              <a
                href={action.url}
                style={{
                  background: '#1a1a1a',
                  color: '#fff',
                  padding: '12px 20px',
                  borderRadius: '6px',
                  textDecoration: 'none',
                  display: 'inline-block',
                }}
              >
                {action.label}
              </a>
            </p>
          )}
        </div>
      </body>
    </html>
  );
}

/** The mail as HTML and as plain text. */
export function render(content: Content): { subject: string; html: string; text: string } {
  const { subject, paragraphs, figures = [], action } = content;
  const text = [
    ...paragraphs,
    ...figures.map(({ label, value }) => `${label}: ${value}`),
    ...(action ? [`${action.label}: ${action.url}`] : []),
  ];
  const html = `<!doctype html>${renderToStaticMarkup(<Layout {...content} />)}`;
  return { subject, html, text: `${text.join('\n\n')}\n` };
}
