import type { ZodError } from 'zod';
import type { FieldError } from './problem.js';

/** What is wrong with each field; unknown fields are named one by one. */
export function fieldErrors({ issues }: ZodError): FieldError[] {
  return issues.flatMap((issue): FieldError[] => {
    const path = issue.path.map(String);
    if (issue.code !== 'unrecognized_keys') {
      // Of a bad name the reason lies one level deeper.
      const { message } = (issue.code === 'invalid_key' && issue.issues[0]) || issue;
      return [{ path: path.join('.'), message }];
    }
    return issue.keys.map((name) => ({ path: [...path, name].join('.'), message: 'is unknown' }));
  });
}
