import { buffer } from 'node:stream/consumers';
import PDFDocument from 'pdfkit';
import type { Statement } from './statement.js';
import { winAnsi } from './winAnsi.js';

/** In points, 72 to an inch: A4 is 595 wide. */
const MARGIN = 56;
const WIDTH = 483;
const GAP = 6;

interface Column {
  width: number;
  align: 'left' | 'right';
}

const FACTS: Column[] = [
  { width: 130, align: 'left' },
  { width: 353, align: 'left' },
];
const AMOUNTS: Column[] = [
  { width: 130, align: 'left' },
  { width: 253, align: 'left' },
  { width: 100, align: 'right' },
];

/**
 * A statement as a PDF: one page of A4, more where it has very many amounts. It is tagged, so that it can be
 * read aloud; the same statement gives the same bytes.
 */
export async function renderPdf(statement: Statement): Promise<Buffer> {
  const { title, createdAt, heading, facts, due, record } = statement;
  const doc = new PDFDocument({
    size: 'A4',
    margin: MARGIN,
    pdfVersion: '1.7',
    tagged: true,
    displayTitle: true,
    lang: 'en',
    info: { Title: title, Author: 'Tagih', CreationDate: createdAt },
  });
  const content = buffer(doc);
  const page = new Page(doc);
  page.heading('H1', heading);
  page.table(FACTS, (rows) => {
    for (const { label, value } of facts) rows.add([label, value]);
  });
  page.heading('H2', due.heading);
  page.table(AMOUNTS, (rows) => {
    rows.add(['For', 'How it is computed', 'Amount'], 'head');
    rows.rule();
    for (const { label, arithmetic, value } of due.amounts) rows.add([label, arithmetic, value]);
    rows.rule();
    rows.add(['Total', '', due.total], 'total');
  });
  page.paragraph(due.note);
  page.heading('H2', record.heading);
  page.table(FACTS, (rows) => {
    for (const { label, value } of record.facts) rows.add([label, value]);
  });
  page.end();
  return content;
}

type Doc = InstanceType<typeof PDFDocument>;
type Element = ReturnType<Doc['struct']>;

/** Writes from top to bottom, and tells beside it what each thing is. */
class Page {
  private readonly root: Element;

  constructor(private readonly doc: Doc) {
    this.root = doc.struct('Document');
    doc.addStructure(this.root);
  }

  heading(level: 'H1' | 'H2', text: string): void {
    const { doc } = this;
    if (level === 'H2') doc.y += 3 * GAP;
    this.write(level, text, () => doc.font('Helvetica-Bold').fontSize(level === 'H1' ? 18 : 12));
    doc.y += GAP;
  }

  paragraph(text: string): void {
    this.write('P', text, () => this.doc.font('Helvetica').fontSize(8.5).fillColor('#555555'));
  }

  table(columns: readonly Column[], fill: (rows: Rows) => void): void {
    const table = this.doc.struct('Table');
    this.root.add(table);
    fill(new Rows(this.doc, table, columns));
    table.end();
  }

  end(): void {
    this.root.end();
    this.doc.end();
  }

  private write(tag: string, text: string, style: () => Doc): void {
    const { doc } = this;
    const write = () => style().text(text, MARGIN, doc.y, { width: WIDTH });
    this.root.add(doc.struct(tag, {}, write));
    doc.fillColor('black');
  }
}

/** The rows of a table. The first cell of a row is its heading. */
class Rows {
  constructor(
    private readonly doc: Doc,
    private readonly table: Element,
    private readonly columns: readonly Column[],
  ) {}

  add(texts: readonly string[], kind: 'head' | 'body' | 'total' = 'body'): void {
    const { doc } = this;
    const cells = this.cells(texts, kind);
    doc.font(kind === 'total' ? 'Helvetica-Bold' : 'Helvetica').fontSize(9.5);
    const heights = cells.map(({ printed, options }) => doc.heightOfString(printed, options));
    const height = Math.max(...heights);
    if (doc.y + height > doc.page.maxY()) doc.addPage();
    const { y } = doc;
    const children = cells.map(({ tag, structure, color, printed, x, options }) =>
      doc.struct(tag, structure, () => doc.fillColor(color).text(printed, x, y, options)),
    );
    this.table.add(doc.struct('TR', {}, children));
    doc.fillColor('black');
    doc.y = y + height + GAP;
  }

  /** A line, which says nothing that the rows do not. */
  rule(): void {
    const { doc } = this;
    const y = doc.y - GAP / 2;
    doc.markContent('Artifact', { type: 'Layout' });
    doc
      .moveTo(MARGIN, y)
      .lineTo(MARGIN + WIDTH, y)
      .lineWidth(0.5)
      .stroke();
    doc.endMarkedContent();
    doc.y += GAP / 2;
  }

  private cells(texts: readonly string[], kind: 'head' | 'body' | 'total') {
    let x = MARGIN;
    return this.columns.map(({ width, align }, index) => {
      const text = texts[index] ?? '';
      const printed = winAnsi(text);
      const isHeading = kind === 'head' || index === 0;
      const scope = kind === 'head' ? 'Column' : 'Row';
      const cell = {
        tag: isHeading ? 'TH' : 'TD',
        structure: {
          ...(isHeading && { scope }),
          ...(printed !== text && { actual: text }),
        },
        color: isHeading && kind !== 'total' ? '#555555' : 'black',
        printed,
        x,
        options: { width: width - (align === 'left' ? GAP : 0), align },
      };
      x += width;
      return cell;
    });
  }
}
