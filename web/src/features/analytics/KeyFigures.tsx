/** The figures of the person's role on the start page. */
import { useAsk } from "@/api/hooks";
import { useSession } from "@/app/session";
import { Answered } from "@/ui/states";
import { Figure } from "./Figure";
import { useSlice } from "./slice";

export default function KeyFigures() {
  const { roles } = useSession();
  const { query, search } = useSlice();
  const role = roles.includes("sales_manager") ? "DASHBOARD_ROLE_SALES_MANAGER" : "DASHBOARD_ROLE_EXECUTIVE";
  const dashboard = useAsk("/v1/analytics/dashboards/{role}", { path: { role }, query }, { live: ["pipeline", "customer", "analytics"] });
  return (
    <Answered of={dashboard} rows={2}>
      {(data) => <div className="figures">{data.figures.map((each) => <Figure key={each.key} figure={each} search={search} />)}</div>}
    </Answered>
  );
}
