/** One console for whoever keeps Headwater running for the others: people, rights, rules, data. */
import "./console.css";
import { Select } from "antd";
import { lazy, Suspense, type ComponentType } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { useSession } from "@/app/session";
import { useWords } from "@/i18n/words";
import { Page } from "@/ui/Page";
import { usePhone } from "@/ui/phone";
import { Gone, NoPermission, Waiting } from "@/ui/states";
import { adminWords, type AdminWord } from "./words";

interface View { group: "g_people" | "g_rules" | "g_data"; needs: string; Content: ComponentType }
const views = {
  people: { group: "g_people", needs: "identity.person.read", Content: lazy(() => import("./People")) },
  teams: { group: "g_people", needs: "identity.team.read", Content: lazy(() => import("./Teams")) },
  roles: { group: "g_people", needs: "identity.role.read", Content: lazy(() => import("./Roles")) },
  grants: { group: "g_people", needs: "identity.grant.read", Content: lazy(() => import("./Grants")) },
  changes: { group: "g_people", needs: "identity.permission.read", Content: lazy(() => import("./Changes")) },
  signins: { group: "g_people", needs: "identity.sign-in.read", Content: lazy(() => import("./SignIns")) },
  clients: { group: "g_people", needs: "identity.client.read", Content: lazy(() => import("./Clients")) },
  webhooks: { group: "g_data", needs: "notification.webhook.read", Content: lazy(() => import("./Webhooks")) },
  handovers: { group: "g_people", needs: "customer.handover.admin", Content: lazy(() => import("./Handovers")) },
  pipelines: { group: "g_rules", needs: "pipeline.opportunity.read", Content: lazy(() => import("./Pipelines")) },
  assignment: { group: "g_rules", needs: "pipeline.lead.read", Content: lazy(() => import("./Assignment")) },
  scoring: { group: "g_rules", needs: "pipeline.lead.read", Content: lazy(() => import("./Scoring")) },
  desk: { group: "g_rules", needs: "ticketing.ticket.read", Content: lazy(() => import("./Desk")) },
  privacy: { group: "g_data", needs: "customer.person.admin", Content: lazy(() => import("./Privacy")) },
  retention: { group: "g_data", needs: "customer.policy.read", Content: lazy(() => import("./Retention")) },
  parked: { group: "g_data", needs: "audit.parking.admin", Content: lazy(() => import("./Parked")) },
  health: { group: "g_data", needs: "identity.grant.read", Content: lazy(() => import("./Health")) },
} satisfies Record<string, View>;
type Name = keyof typeof views;
const groups = ["g_people", "g_rules", "g_data"] as const;

export default function Console() {
  const t = useWords(adminWords);
  const { may } = useSession();
  const phone = usePhone();
  const navigate = useNavigate();
  const { view = "people" } = useParams();
  if (!(view in views)) return <Gone />;
  const { Content, needs } = views[view as Name];
  const offered = (Object.keys(views) as Name[]).filter((each) => may(views[each].needs));
  const label = (name: Name) => t(name as AdminWord);
  const items = groups.map((group) => ({ key: group, label: t(group), of: offered.filter((each) => views[each].group === group) })).filter((each) => each.of.length);
  const open = (key: string) => void navigate(`/admin/${key}`);
  const shown = may(needs) ? <Suspense fallback={<Waiting />}><Content /></Suspense> : <NoPermission />;
  return (
    <Page title={`${t("administration")}: ${label(view as Name)}`} heading={t("administration")} wide={false}>
      {phone ? (
        <>
          <Select className="gap-below" style={{ width: "100%" }} value={view} aria-label={t("administration")} onChange={open} options={items.map((each) => ({ label: each.label, options: each.of.map((name) => ({ value: name as string, label: label(name) })) }))} />
          {shown}
        </>
      ) : (
        <div className="console">
          <nav aria-label={t("administration")}>
            {items.map((each) => (
              <div key={each.key} className="menu-section">
                <p className="menu-title">{each.label}</p>
                {each.of.map((name) => <Link key={name} to={`/admin/${name}`} className={name === view ? "menu-item active" : "menu-item"} aria-current={name === view ? "page" : undefined}>{label(name)}</Link>)}
              </div>
            ))}
          </nav>
          <div style={{ minWidth: 0 }}>{shown}</div>
        </div>
      )}
    </Page>
  );
}
