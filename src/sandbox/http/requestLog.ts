/** All that a year of twenty teams asks for. */
const KEPT = 20_000;

interface LoggedRequest {
  at: string;
  method: string;
  path: string;
  idempotencyKey: string | null;
  /** Null while it hangs, and for good when it was cut off. */
  status: number | null;
}

/** The latest requests to Stripe's API, oldest first, so that tests can count calls. */
export class RequestLog {
  private entries: LoggedRequest[] = [];

  open(method: string, path: string, idempotencyKey: string | null): LoggedRequest {
    const entry = { at: new Date().toISOString(), method, path, idempotencyKey, status: null };
    this.entries.push(entry);
    if (this.entries.length > KEPT) this.entries.shift();
    return entry;
  }

  list(path = ''): LoggedRequest[] {
    return this.entries.filter((entry) => new RegExp(path).test(entry.path));
  }

  clear(): void {
    this.entries = [];
  }
}
