/** Cells of a table into rows of the import, by the server's own names of fields: "contacts[0].phones[0]". */
export interface Field {
  field: string;
  label_en: string;
  label_zh: string;
  required: boolean;
}

const plain = (text: string) => text.toLowerCase().replace(/[\s*_\-/()（）:：]+/g, "");

/** The field that a column's heading names, in either language or both ("编号 / ID *"); empty for none. */
export function suggest(heading: string, fields: readonly Field[]): string {
  const said = heading.split(/\s\/\s/).map(plain);
  return fields.find((each) => [each.label_en, each.label_zh, each.field].map(plain).some((label) => said.includes(label)))?.field ?? "";
}

/** One row: empty cells are left out, several values of a cell are divided by ";" or "；". */
export function rowOf(cells: readonly string[], mapping: readonly string[], reference: string): Record<string, unknown> {
  const row: Record<string, unknown> = { external_ref: reference };
  cells.forEach((cell, i) => {
    const path = mapping[i];
    const text = cell.trim();
    if (path && text) put(row, path, valueOf(path, text));
  });
  return row;
}

function valueOf(path: string, text: string): unknown {
  if (path === "tags") return text.split(/[;；]/).map((each) => each.trim()).filter(Boolean);
  if (path.endsWith("_at") && /^\d{4}[-/]\d{1,2}[-/]\d{1,2}$/.test(text)) {
    const [year, month, day] = text.split(/[-/]/).map(Number);
    return new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 1)).toISOString();
  }
  return text;
}

function put(into: Record<string, unknown>, path: string, value: unknown): void {
  // A custom field's name may hold a dot.
  const custom = /^profile\.custom_fields\.(.+)$/.exec(path);
  const keys = custom ? ["profile", "custom_fields", custom[1] ?? ""] : path.split(/[.[\]]+/).filter(Boolean);
  let at: Record<string, unknown> = into;
  keys.forEach((key, i) => {
    if (i === keys.length - 1) at[key] = value;
    else at = (at[key] ??= /^\d+$/.test(keys[i + 1] ?? "") ? [] : {}) as Record<string, unknown>;
  });
}
