/** The audit: what was changed, what was seen, who could leak it, whether the log is whole, and undoing by cause. */
import { Select, Tabs } from "antd";
import { lazy, Suspense, type ComponentType } from "react";
import { useNavigate, useParams } from "react-router";
import { useSession } from "@/app/session";
import { useWords } from "@/i18n/words";
import { Page } from "@/ui/Page";
import { usePhone } from "@/ui/phone";
import { Gone, NoPermission, Waiting } from "@/ui/states";
import { auditWords } from "./words";

const views = {
  trail: { needs: "analytics.audit.read", Content: lazy(() => import("./Trail")) as ComponentType },
  reads: { needs: "analytics.reads.admin", Content: lazy(() => import("./Reads")) as ComponentType },
  leak: { needs: "analytics.reads.admin", Content: lazy(() => import("./Leak")) as ComponentType },
  seals: { needs: "audit.seal.read", Content: lazy(() => import("./Seals")) as ComponentType },
  undo: { needs: "audit.undo.admin", Content: lazy(() => import("./Undo")) as ComponentType },
} as const;
type View = keyof typeof views;

export default function Audit() {
  const t = useWords(auditWords);
  const { may } = useSession();
  const phone = usePhone();
  const navigate = useNavigate();
  const { view = "trail" } = useParams();
  if (!(view in views)) return <Gone />;
  const { Content, needs } = views[view as View];
  const offered = (Object.keys(views) as View[]).filter((each) => may(views[each].needs));
  const open = (key: string) => void navigate(`/audit/${key}`);
  return (
    <Page title={`${t("audit")}: ${t(view as View)}`} heading={t("audit")}>
      {phone ? (
        <Select className="gap-below" style={{ width: "100%" }} value={view} aria-label={t("audit")} onChange={open} options={offered.map((each) => ({ value: each, label: t(each) }))} />
      ) : (
        <Tabs activeKey={view} onChange={open} items={offered.map((each) => ({ key: each, label: t(each) }))} />
      )}
      {may(needs) ? <Suspense fallback={<Waiting />}><Content /></Suspense> : <NoPermission />}
    </Page>
  );
}
