/** The positions of a quote or an order, and what they come to; as the server worked it out. */
import { Money } from "@/ui/Money";
import type { Amount } from "@/i18n/format";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { dealWords } from "./dealWords";

interface Line {
  line_id: string;
  product_name: string;
  quantity: string;
  unit_price?: Amount | undefined;
  discount_basis_points: number;
  tax_basis_points: number;
  net?: Amount | undefined;
}

export function Lines({ lines, net, tax, total }: { lines: readonly Line[]; net?: Amount | undefined; tax?: Amount | undefined; total?: Amount | undefined }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const discounted = lines.some((line) => line.discount_basis_points > 0);
  const span = discounted ? 5 : 4;
  return (
    <div className="lines-scroll" tabIndex={0} role="group" aria-label={t("lines")}>
      <table className="lines">
        <thead>
          <tr>
            <th>{t("line_product")}</th><th className="num">{t("quantity")}</th><th className="num">{t("unit_price")}</th>
            {discounted && <th className="num">{t("discount")}</th>}
            <th className="num">{t("tax")}</th><th className="num">{t("net")}</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={line.line_id}>
              <td>{line.product_name}</td>
              <td className="num">{f.number(line.quantity, 4)}</td>
              <td className="num"><Money of={line.unit_price} /></td>
              {discounted && <td className="num">{line.discount_basis_points ? f.percent(line.discount_basis_points / 10_000, 2) : "–"}</td>}
              <td className="num">{f.percent(line.tax_basis_points / 10_000, 2)}</td>
              <td className="num"><Money of={line.net} /></td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr><td colSpan={span}>{t("net_total")}</td><td className="num"><Money of={net} /></td></tr>
          <tr><td colSpan={span}>{t("tax_total")}</td><td className="num"><Money of={tax} /></td></tr>
          <tr><td colSpan={span}>{t("total")}</td><td className="num"><Money of={total} /></td></tr>
        </tfoot>
      </table>
    </div>
  );
}
