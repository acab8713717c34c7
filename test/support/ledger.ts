import type { Product } from './product.js';

/** What stands in the whole ledger, row by row: the same before and after whatever must change nothing. */
export async function ledgerOf({ pool }: Pick<Product, 'pool'>): Promise<Record<string, string[]>> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `select table_name as name from information_schema.tables
      where table_schema = 'tagih' and table_type = 'BASE TABLE' order by table_name`,
  );
  const contents: Record<string, string[]> = {};
  for (const { name } of tables) {
    const { rows } = await pool.query<{ row: string }>(
      `select t::text as row from tagih.${name} t order by 1`,
    );
    contents[name] = rows.map(({ row }) => row);
  }
  return contents;
}
