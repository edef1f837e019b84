/** Home: what waits for my decision. */
import { Link } from "react-router";
import { useAsk } from "@/api/hooks";
import { places } from "@/app/places";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Money } from "@/ui/Money";
import { PersonName } from "@/ui/people";
import { Answered, Notice } from "@/ui/states";
import { dealWords } from "./dealWords";
import "./deals.css";

export default function ApprovalModule() {
  const t = useWords(dealWords);
  const f = useFormats();
  const asked = useAsk("/v1/approvals", { query: { waiting_for: "me", state: "APPROVAL_STATE_PENDING", page_size: 6 } }, { live: ["pipeline"] });
  return (
    <Answered of={asked}>
      {(data) =>
        data.approvals.length ? (
          <ul className="records">
            {data.approvals.map((each) => (
              <li key={each.approval_id}>
                <Link className="spread clip" to={places.approval(each.approval_id)}>{each.title}</Link>
                <span className="quiet"><PersonName id={each.requested_by} /></span>
                {each.discount_basis_points > 0 && <span className="warn">{f.percent(each.discount_basis_points / 10_000)}</span>}
                <Money of={each.amount} short />
              </li>
            ))}
          </ul>
        ) : (
          <Notice quiet title={t("no_approvals")} text={t("no_approvals_text")} />
        )
      }
    </Answered>
  );
}
