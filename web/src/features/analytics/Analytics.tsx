/** Analytics: one slice, several views of it. */
import { Select, Tabs } from "antd";
import { lazy, Suspense, type ComponentType } from "react";
import { useNavigate, useParams } from "react-router";
import { useMay } from "@/app/session";
import { useWords } from "@/i18n/words";
import { Page } from "@/ui/Page";
import { usePhone } from "@/ui/phone";
import { Gone, Waiting } from "@/ui/states";
import { useSlice } from "./slice";
import { SliceBar } from "./SliceBar";
import { analyticsWords } from "./words";

const views = {
  overview: lazy(() => import("./Overview")),
  funnel: lazy(() => import("./Funnel")),
  forecast: lazy(() => import("./Forecast")),
  health: lazy(() => import("./Health")),
  team: lazy(() => import("./Ranking")),
  channels: lazy(() => import("./Channels")),
} satisfies Record<string, ComponentType>;
type View = keyof typeof views;

export default function Analytics() {
  const t = useWords(analyticsWords);
  const navigate = useNavigate();
  const { view = "overview" } = useParams();
  const { search } = useSlice();
  const phone = usePhone();
  const mayMarketing = useMay("marketing.campaign.read");
  if (!(view in views)) return <Gone />;
  const Shown = views[view as View];
  const offered = (Object.keys(views) as View[]).filter((each) => each !== "channels" || mayMarketing);
  const open = (key: string) => void navigate(`/analytics/${key}?${search}`);
  return (
    <Page title={`${t("analytics")}: ${t(view as View)}`} heading={t("analytics")}>
      {phone ? (
        <Select className="gap-below" style={{ width: "100%" }} value={view} aria-label={t("analytics")} onChange={open} options={offered.map((each) => ({ value: each, label: t(each) }))} />
      ) : (
        <Tabs activeKey={view} onChange={open} items={offered.map((each) => ({ key: each, label: t(each) }))} />
      )}
      <SliceBar />
      <Suspense fallback={<Waiting />}>
        <Shown />
      </Suspense>
    </Page>
  );
}
