/** A table as it is pasted: from a spreadsheet (tabs) or a CSV file (commas), with quotes as RFC 4180 has them. */

export interface PastedRow {
  /** Of its first line, counted from 1 as an editor counts them. */
  line: number;
  fields: readonly string[];
}

/** The rows that aren’t empty, the header first; or where a quote isn’t closed. */
export function rowsIn(text: string): { rows: readonly PastedRow[] } | { wrong: string } {
  const firstLine = text.trimStart().split(/\r?\n/, 1)[0] ?? '';
  const separator = firstLine.includes('\t') ? '\t' : ',';
  const rows: PastedRow[] = [];
  let fields: string[] = [];
  let field = '';
  let quoted = false;
  let [line, begun] = [1, 1];
  const endRow = (): void => {
    fields.push(field.trim());
    if (fields.some((one) => one !== '')) {
      rows.push({ line: begun, fields });
    }
    [fields, field] = [[], ''];
  };
  for (let place = 0; place < text.length; place += 1) {
    const letter = text.charAt(place);
    if (quoted) {
      if (letter === '"' && text.charAt(place + 1) === '"') {
        field += '"';
        place += 1;
      } else if (letter === '"') {
        quoted = false;
      } else {
        field += letter;
      }
    } else if (letter === '"' && field === '') {
      quoted = true;
    } else if (letter === separator) {
      fields.push(field.trim());
      field = '';
    } else if (letter === '\n') {
      endRow();
      begun = line + 1;
    } else if (letter !== '\r') {
      field += letter;
    }
    if (letter === '\n') {
      line += 1;
    }
  }
  if (quoted) {
    return { wrong: `The quote that opens in the row of line ${begun} isn’t closed.` };
  }
  endRow();
  return { rows };
}
