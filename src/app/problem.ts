import { STATUS_CODES } from 'node:http';

/** What speaks against one field of a request. */
export interface FieldError {
  path: string;
  message: string;
}

/** An answer that is an error: `application/problem+json` (RFC 9457) with a `code` for programs. */
export class Problem extends Error {
  override name = 'Problem';

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly more: {
      errors?: FieldError[];
      headers?: Record<string, string>;
      /** Where an invoice is paid, null while Stripe has no page of it. */
      hostedInvoiceUrl?: string | null;
    } = {},
  ) {
    super(detail);
  }

  toJSON() {
    return {
      type: `urn:tagih:problem:${this.code}`,
      title: STATUS_CODES[this.status] ?? 'Error',
      status: this.status,
      detail: this.detail,
      code: this.code,
      ...(this.more.errors && { errors: this.more.errors }),
      ...(this.more.hostedInvoiceUrl !== undefined && {
        hostedInvoiceUrl: this.more.hostedInvoiceUrl,
      }),
    };
  }
}
