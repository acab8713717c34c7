/** All that the fonts hold which every reader of PDF brings (Windows-1252), and of control characters `\n`. */
const printable = new Set(
  new TextDecoder('windows-1252')
    .decode(Uint8Array.from({ length: 256 }, (_, code) => code))
    .replaceAll(/[^\P{Cc}\n]/gu, ''),
);

/**
 * A text as those fonts can print it: letters that they do not hold without their accents, others as `?`.
 * pdfkit itself would print other letters in their place.
 */
export function winAnsi(text: string): string {
  return Array.from(text.normalize('NFC'), (letter) => {
    const [plain = ''] = letter.normalize('NFKD');
    return [letter, plain].find((candidate) => printable.has(candidate)) ?? '?';
  }).join('');
}
