/** Which permission covers which, to leave out what would be refused anyway. The server decides. */
const coveredBy: Readonly<Record<string, readonly string[]>> = {
  read: ["read", "view", "edit", "write", "approve", "admin"],
  view: ["view", "read", "edit", "write", "approve", "admin"],
  write: ["write", "admin"],
  create: ["create", "write", "admin"],
  edit: ["edit", "write", "admin"],
  approve: ["approve", "admin"],
  import: ["import", "admin"],
  delete: ["delete", "admin"],
  export: ["export", "admin"],
};

/** Whether one of the patterns held ("customer.*.read", "*") covers "context.noun.verb". */
export function covers(held: readonly string[], permission: string): boolean {
  const cut = permission.lastIndexOf(".");
  const [area, verb] = [permission.slice(0, cut), permission.slice(cut + 1)];
  const wanted = (coveredBy[verb] ?? [verb]).map((each) => `${area}.${each}`);
  return held.some((pattern) => {
    const matcher = new RegExp(`^${pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`);
    return wanted.some((each) => matcher.test(each));
  });
}
