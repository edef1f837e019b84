/** On the start page of a marketer: campaigns under way and what they bring. */
import { Link } from "react-router";
import { useAsk } from "@/api/hooks";
import { places } from "@/app/places";
import { major, useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { Money } from "@/ui/Money";
import { Answered, Notice } from "@/ui/states";
import { Roi, Share } from "./pieces";

const dictionary = words({ none: "No campaign is running", leads: "{count} leads", won: "{count} won" }, { none: "没有进行中的活动", leads: "{count} 条线索", won: "成交 {count}" });

export default function Running() {
  const t = useWords(dictionary);
  const f = useFormats();
  const running = useAsk("/v1/campaigns", { query: { state: "running", page_size: 8 } }, { live: ["marketing"] });
  const results = useAsk("/v1/campaign-results", { query: { page_size: 100 } }, { live: ["marketing", "pipeline"], select: (answer) => new Map(answer.results.map((each) => [each.campaign_id, each])) });
  return (
    <Answered of={running}>
      {(data) =>
        data.campaigns.length ? (
          <ul className="stack" style={{ gap: 12 }}>
            {data.campaigns.map((each) => {
              const brought = results.data?.get(each.campaign_id);
              return (
                <li key={each.campaign_id} className="row">
                  <span className="spread" style={{ minWidth: 160 }}><Link className="strong" to={places.campaign(each.campaign_id)}>{each.name}</Link></span>
                  <span className="quiet">{t("leads", { count: f.number(brought?.leads) })}</span>
                  <span className="quiet">{t("won", { count: f.number(brought?.won_deals) })}</span>
                  <span style={{ width: 150 }}><Money of={each.cost} short /> <span className="quiet">/ <Money of={each.budget} short /></span>{each.cost && each.budget && <Share part={major(each.cost)} whole={major(each.budget)} />}</span>
                  <span style={{ width: 76, textAlign: "right" }}><Roi of={brought?.roi} /></span>
                </li>
              );
            })}
          </ul>
        ) : <Notice quiet title={t("none")} />
      }
    </Answered>
  );
}
