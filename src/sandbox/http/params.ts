import { z } from 'zod';
import { invalid } from './error.js';
import type { FormValue } from './form.js';

export const text = z.string();
export const integer = z
  .string()
  .regex(/^-?\d+$/, 'integer')
  .transform(Number);
export const flag = z.enum(['true', 'false'], { error: 'boolean' }).transform((v) => v === 'true');
export const metadata = z.union([z.literal(''), z.record(text, text)]);
/** A parameter that an empty string unsets. */
export function unsettable<T extends z.ZodType>(schema: T) {
  return z.union([z.literal('').transform(() => null), schema]);
}
/** A moment, or bounds of one. */
export const range = z.union([
  integer,
  z.strictObject({
    gt: integer.optional(),
    gte: integer.optional(),
    lt: integer.optional(),
    lte: integer.optional(),
  }),
]);
/** The parameters of one route; `expand` belongs to all of them. */
export function params<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject({ ...shape, expand: z.array(text).optional() });
}
export const pageParams = params({
  limit: integer.refine((n) => n >= 1 && n <= 100, 'integer').optional(),
  starting_after: text.optional(),
  ending_before: text.optional(),
});
/** Parameters that Stripe knows and the sandbox has no behaviour for: taken, without effect. */
export function taken<N extends string>(...names: N[]): Record<N, z.ZodOptional<z.ZodUnknown>> {
  return Object.fromEntries(names.map((name) => [name, z.unknown().optional()])) as Record<
    N,
    z.ZodOptional<z.ZodUnknown>
  >;
}

/** Parses parameters, or throws what Stripe answers to the first bad one. */
export function parse<S extends z.ZodType>(
  schema: S,
  input: { [key: string]: FormValue },
): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = deepest(result.error.issues[0]);
  if (!issue) throw invalid('Invalid request.');
  if (issue.code === 'unrecognized_keys') {
    const param = named([...issue.path, issue.keys[0] ?? '']);
    throw invalid(`Received unknown parameter: ${param}`, { code: 'parameter_unknown', param });
  }
  const param = named(issue.path);
  const value = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    input,
  );
  if (value === undefined)
    throw invalid(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
  const wanted = issue.message === 'integer' || issue.message === 'boolean' ? issue.message : '';
  throw invalid(`Invalid ${wanted || param}: ${typeof value === 'string' ? value : 'wrong type'}`, {
    ...(wanted === 'integer' ? { code: 'parameter_invalid_integer' } : {}),
    param,
  });
}

/** In a union the branch that got furthest says what is wrong. */
function deepest(issue: z.core.$ZodIssue | undefined): z.core.$ZodIssue | undefined {
  if (issue?.code !== 'invalid_union') return issue;
  const inner = issue.errors.map((branch) => branch[0]).filter((first) => first !== undefined);
  const chosen = inner.sort((a, b) => b.path.length - a.path.length)[0];
  return chosen ? deepest({ ...chosen, path: [...issue.path, ...chosen.path] }) : issue;
}

function named([first, ...rest]: readonly PropertyKey[]): string {
  return String(first) + rest.map((key) => `[${String(key)}]`).join('');
}
