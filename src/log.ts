import { type Logger, pino } from 'pino';

/** A structured log. Keys, secrets and addresses are cut out wherever a mistake may put them. */
export function createLog(level: string, role: string): Logger {
  return pino({
    level,
    base: { role },
    redact: {
      paths: ['*.authorization', '*.adminEmail', '*.email', '*.key', '*.password', '*.secret'],
      censor: '[redacted]',
    },
    // Temporal's SDK calls it `error`.
    serializers: { err: describeError, error: describeError },
  });
}

/** An error without the fields that libraries hang onto it, such as the request with its headers. */
function describeError(error: unknown) {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  const code = 'code' in error ? error.code : undefined;
  return { name, message, code, stack };
}
