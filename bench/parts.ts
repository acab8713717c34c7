/** Tells of each part of a benchmark whether it is to run: those that are named, or all. Throws for a name that none has. */
export function wantedParts<P extends string>(
  parts: readonly P[],
  only: readonly string[],
): (part: P) => boolean {
  const unknown = only.find((name) => !parts.some((part) => part === name));
  if (unknown !== undefined) {
    throw new Error(`No part is called ${unknown}. There are: ${parts.join(', ')}.`);
  }
  return (part) => only.length === 0 || only.includes(part);
}
