import { z } from 'zod';
import { Problem } from './problem.js';

/** The query of every list. `cursor` is opaque: what one answer gave as `nextCursor`. */
export const pageQuery = {
  limit: z.coerce.number('must be a number').int().min(1).max(100).default(50),
  cursor: z.string().max(500).optional(),
};

/** The answer of every list. */
export const pageOf = <S extends z.ZodType>(item: S) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

/** What follows the last item of a page, and the cursor's own text. */
export const encodeCursor = (position: unknown): string =>
  Buffer.from(JSON.stringify(position)).toString('base64url');

/** The position that a cursor stands for; `undefined` without one. */
export function decodeCursor<S extends z.ZodType>(
  cursor: string | undefined,
  schema: S,
): z.output<S> | undefined {
  if (cursor === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch {
    const errors = [{ path: 'cursor', message: 'must be the nextCursor of an earlier answer' }];
    throw new Problem(400, 'invalid_request', 'The cursor is not valid.', { errors });
  }
}

/** One page of rows that were read with one more than `limit`. */
export function page<Row, Item>(
  rows: readonly Row[],
  limit: number,
  item: (row: Row) => Item,
  position: (row: Row) => unknown,
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: shown.map(item), nextCursor: more ? encodeCursor(position(last)) : null };
}
