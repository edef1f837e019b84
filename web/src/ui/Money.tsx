/** Amounts, shown in their currency. */
import { useFormats, type Amount } from "@/i18n/format";

export function Money({ of, short = false }: { of: Amount | undefined; short?: boolean }) {
  const f = useFormats();
  return <span className="num">{f.money(of, short) || "–"}</span>;
}

/** Amounts of several currencies are listed, never added. */
export function Monies({ of, short = false }: { of: readonly Amount[] | undefined; short?: boolean }) {
  const f = useFormats();
  return <span className="num">{(of ?? []).map((each) => f.money(each, short)).join(" · ") || "–"}</span>;
}
