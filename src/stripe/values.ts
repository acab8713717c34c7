import type { Instant } from '../domain/instant.js';

/** The id of what Stripe gives as an id or, expanded, as the object. */
export function idOf(reference: string | { id: string } | null | undefined): string | null {
  return typeof reference === 'string' ? reference : (reference?.id ?? null);
}

/** Stripe's seconds as an instant. */
export function instant(seconds: number): Instant {
  return new Date(seconds * 1000).toISOString();
}
