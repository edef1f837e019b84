/** Home: deals that are stuck, the longest first. */
import { Link } from "react-router";
import { useAsk } from "@/api/hooks";
import { places } from "@/app/places";
import { useWords } from "@/i18n/words";
import { Money } from "@/ui/Money";
import { Answered, Notice } from "@/ui/states";
import { dealWords } from "./dealWords";
import { DaysInStage } from "./show";
import "./deals.css";

export default function StuckModule() {
  const t = useWords(dealWords);
  const asked = useAsk("/v1/opportunities:stuck", { query: { page_size: 5 } }, { live: ["pipeline"] });
  return (
    <Answered of={asked}>
      {(data) =>
        data.opportunities.length ? (
          <>
            <ul className="records">
              {data.opportunities.map((deal) => (
                <li key={deal.opportunity_id}>
                  <Link className="spread clip" to={places.opportunity(deal.opportunity_id)}>{deal.title}</Link>
                  <span className="quiet">{deal.stage_name}</span>
                  <Money of={deal.amount} short />
                  <DaysInStage deal={deal} />
                </li>
              ))}
            </ul>
            <p className="gap-above"><Link to="/deals/list?only=stuck">{t("see_all")}</Link></p>
          </>
        ) : (
          <Notice quiet title={t("nothing_stuck")} />
        )
      }
    </Answered>
  );
}
