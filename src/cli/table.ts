import Table from 'cli-table3';

/** `isTty`: with borders; else columns of plain text. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  colAligns: readonly ('left' | 'right')[],
  isTty: boolean,
): string {
  const table = new Table({
    head: [...head],
    colAligns: [...colAligns],
    style: { head: [], border: [] },
    ...(isTty ? {} : { chars: NO_BORDERS, style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 } }),
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString().replaceAll(/ +$/gm, '');
}

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};
