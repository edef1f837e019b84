/** CSV (RFC 4180), with commas, semicolons or tabs as Excel writes them. */
export interface Table {
  header: readonly string[];
  rows: readonly (readonly string[])[];
}

/** The header and the rows that say anything; quotes may hold separators and line ends. */
export function rowsOf(text: string): Table {
  const clean = text.replace(/^\uFEFF/, "");
  const firstLine = clean.slice(0, clean.search(/\r?\n|$/));
  const separator = [",", ";", "\t"].map((each) => [each, firstLine.split(each).length] as const).sort((a, b) => b[1] - a[1])[0]?.[0] ?? ",";
  const lines: string[][] = [];
  let line: string[] = [];
  let cell = "";
  let quoted = false;
  const endLine = () => {
    line.push(cell);
    if (line.some((each) => each.trim())) lines.push(line);
    line = [];
    cell = "";
  };
  for (let at = 0; at < clean.length; at += 1) {
    const sign = clean.charAt(at);
    if (quoted) {
      if (sign !== '"') cell += sign;
      else if (clean[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else quoted = false;
    } else if (sign === '"' && !cell) quoted = true;
    else if (sign === separator) {
      line.push(cell);
      cell = "";
    } else if (sign === "\n") endLine();
    else if (sign !== "\r") cell += sign;
  }
  endLine();
  const [header = [], ...rows] = lines;
  return { header, rows };
}

/** An id that is the same for the same text, so that a repeated import goes on instead of doubling. */
export async function idOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  let hex: string;
  if (crypto.subtle) {
    hex = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((each) => each.toString(16).padStart(2, "0")).join("");
  } else {
    // Without https the browser has no digest; FNV-1a with four seeds is enough to tell files apart.
    hex = [0x811c9dc5, 0x01000193, 0x9e3779b9, 0x85ebca6b].map((seed) => bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, seed).toString(16).padStart(8, "0")).join("");
  }
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
