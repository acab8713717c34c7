/**
 * Orders of 0 to n - 1 in which, taken together, each follows each other one directly (a Williams square):
 * so each also comes first, and last.
 */
export function pairwise(n: number): number[][] {
  // An odd number needs one more, which stands for nothing.
  const even = n + (n % 2);
  const zigzag = Array.from({ length: even }, (_, k) => (k % 2 === 0 ? even - k / 2 : (k + 1) / 2));
  return zigzag.map((_, shift) => zigzag.map((k) => (k + shift) % even).filter((k) => k < n));
}
