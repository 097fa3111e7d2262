import { stripVTControlCharacters } from 'node:util';
import { noPaint, type Paint } from './output.ts';

export interface Column<Row> {
  readonly title: string;
  readonly right?: boolean;
  readonly cell: (row: Row) => string;
}

/** A plain table: titles, then a line per row; columns that are empty in every row are left out. Cells may carry colours. */
export function table<Row>(rows: readonly Row[], columns: ReadonlyArray<Column<Row>>, paint: Paint = noPaint): string {
  const shown = columns
    .map((column) => ({ ...column, cells: rows.map(column.cell) }))
    .filter((column) => column.cells.some((cell) => cell !== ''));
  const widths = shown.map((column) => Math.max(...[column.title, ...column.cells].map(visibleWidth)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => padded(cell, widths[index] ?? 0, shown[index]?.right === true))
      .join('  ')
      .trimEnd();
  const body = rows.map((_, row) => line(shown.map((column) => column.cells[row] ?? '')));
  return [paint('dim', line(shown.map((column) => column.title))), ...body].join('\n');
}

function padded(cell: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - visibleWidth(cell)));
  return right ? space + cell : cell + space;
}

function visibleWidth(text: string): number {
  return stripVTControlCharacters(text).length;
}
