/** Prints data for programs, or for people: a line a row, in columns. */
export function print(rows: readonly object[], json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  if (rows.length === 0) process.stdout.write('none\n');
  else console.table(rows);
}
