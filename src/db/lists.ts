/**
 * Lists as parameters of a statement that writes many rows. `pg` would write each element of an array with
 * two regular expressions, which takes longer than all else that a commit costs its caller.
 */

/** Never part of what these lists hold: keys are printable, and JSON escapes it. */
const SEPARATOR = '\x1f';

/** Texts without control characters, for `texts`; null is written as the empty text. */
export const textList = (values: readonly (string | null)[]): string => values.join(SEPARATOR);

/** The parameter `$n` of `textList` as `text[]`. */
export const texts = (n: number): string => `string_to_array($${n}, E'\\x1f', '')`;

/** Whole numbers, or times, for a parameter that is cast to a list of these. */
export const plainList = (values: readonly (number | string | null)[]): string =>
  `{${values.map((value) => value ?? 'null').join(',')}}`;
