export type UsageMail = 'usage-80' | 'usage-100';

/** The threshold of the limit that usage has come over, the higher of two (R14); null when it has over none. */
export function thresholdCrossed(
  tokenLimit: number,
  before: number,
  after: number,
): UsageMail | null {
  const crosses = (fifths: number) =>
    before * 5 < tokenLimit * fifths && after * 5 >= tokenLimit * fifths;
  if (crosses(5)) return 'usage-100';
  return crosses(4) ? 'usage-80' : null;
}
