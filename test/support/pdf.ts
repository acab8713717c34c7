import { extractText, getDocumentProxy, getMeta } from 'unpdf';

/** What a PDF says, as a reader that is not ours has it: its text by page, and what it tells of itself. */
export async function readPdf(content: Uint8Array) {
  const pdf = await getDocumentProxy(new Uint8Array(content));
  const { text } = await extractText(pdf);
  const { info } = await getMeta(pdf);
  const structure = await (await pdf.getPage(1)).getStructTree();
  return { pages: text.map((page) => page.replaceAll('\u00a0', ' ')), info, structure };
}

/** The text of a PDF in one line. */
export async function textOf(content: Uint8Array): Promise<string> {
  return (await readPdf(content)).pages.join(' ').replaceAll(/\s+/g, ' ');
}
