interface Welcome {
  api: string;
  key: string;
  /** Absent where they are not this machine's. */
  temporalUi: string | undefined;
  sandbox: string | undefined;
  logs: string;
}

/** What one may do next, with requests that work as they are on a fresh installation. */
export function welcome({ api, key, temporalUi, sandbox, logs }: Welcome): string {
  const places = [
    ['API', api],
    ['Temporal UI', temporalUi],
    ['Sandbox', sandbox],
    ['Mailbox', sandbox && `${sandbox}/mailbox`],
    ['Logs', logs],
    ['API key', key],
  ].filter(([, place]) => place !== undefined);
  return `
Tagih is running. Ctrl-C stops it.

${places.map(([name, place]) => `  ${name?.padEnd(12)} ${place}`).join('\n')}

A team, and the first tokens that it used:

${curl('PUT', `${api}/api/v1/teams/acme`, key, { name: 'Acme', adminEmail: 'admin@acme.example' })}
${curl('POST', `${api}/api/v1/usage`, key, { teamId: 'acme', idempotencyKey: 'first', tokens: 120 })}

`;
}

function curl(method: string, url: string, key: string, body: object): string {
  return `curl -X ${method} ${url} -H 'authorization: Bearer ${key}' -H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
}
