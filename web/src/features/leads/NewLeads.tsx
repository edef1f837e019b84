/** Home: the newest open leads of mine. */
import { Link } from "react-router";
import { useAsk } from "@/api/hooks";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Answered, Notice } from "@/ui/states";
import { leadWords } from "./leadWords";
import { Score, useChannelName, useLeadName } from "./show";
import "./leads.css";

const SHOWN = 6;

export default function NewLeads() {
  const t = useWords(leadWords);
  const f = useFormats();
  const { personId } = useSession();
  const channelName = useChannelName();
  const leadName = useLeadName();
  const asked = useAsk("/v1/leads", { query: { owner_id: personId, state: "LEAD_STATE_OPEN", page_size: SHOWN } }, { live: ["pipeline"] });
  return (
    <Answered of={asked}>
      {(data) =>
        data.leads.length ? (
          <>
            <ul className="lead-lines">
              {data.leads.map((lead) => (
                <li key={lead.lead_id}>
                  <Link to={places.lead(lead.lead_id)} className="clip">{leadName(lead)}</Link>
                  <span className="quiet clip">{[lead.person_name ? lead.company : "", channelName(lead.source_channel)].filter(Boolean).join(" · ")}</span>
                  <Score lead={lead} />
                  <span className="quiet num">{f.ago(lead.captured_at)}</span>
                </li>
              ))}
            </ul>
            <p className="gap-above"><Link to="/leads?only=mine&state=LEAD_STATE_OPEN">{t("see_all")} ({data.total_size})</Link></p>
          </>
        ) : (
          <Notice quiet title={t("nothing_new")} text={t("nothing_new_text")} />
        )
      }
    </Answered>
  );
}
