/** The approvals inbox: what waits for me first. */
import { useEffect } from "react";
import { useSearchParams } from "react-router";
import { get, type Query } from "@/api/client";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { DataList } from "@/ui/DataList";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { dealWords } from "./dealWords";
import { StateTag, type Approval } from "./show";
import "./deals.css";

const states: Approval["state"][] = ["APPROVAL_STATE_PENDING", "APPROVAL_STATE_GRANTED", "APPROVAL_STATE_REJECTED", "APPROVAL_STATE_RETURNED", "APPROVAL_STATE_WITHDRAWN"];
const kinds: Approval["subject_kind"][] = ["SUBJECT_KIND_QUOTE", "SUBJECT_KIND_CONTRACT", "SUBJECT_KIND_ORDER"];

export default function ApprovalList() {
  const t = useWords(dealWords);
  const f = useFormats();
  const { may } = useSession();
  const [address, setAddress] = useSearchParams();
  const approver = may("pipeline.approval.approve");
  const untouched = address.size === 0;
  useEffect(() => {
    // Whoever decides comes for what waits for him; "all" is one press away.
    if (untouched && approver) setAddress("mine=true", { replace: true });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only where the page is opened
  }, []);
  return (
    <Page title={t("approvals")} wide>
      <DataList<Approval>
        name="approvals"
        searchable={false}
        rowKey={(each) => each.approval_id}
        to={(each) => places.approval(each.approval_id)}
        live={["pipeline"]}
        views={[
          ...(approver ? [{ key: "mine", label: t("waiting_for_me"), query: "mine=true" }] : []),
          { key: "pending", label: t("pending"), query: "state=APPROVAL_STATE_PENDING" },
        ]}
        filters={[
          { key: "mine", label: t("waiting_for_me"), kind: "switch" },
          { key: "state", label: t("progress"), kind: "select", options: states.map((value) => ({ value, label: t(value) })) },
          { key: "kind", label: t("subject"), kind: "select", options: kinds.map((value) => ({ value, label: t(value) })) },
        ]}
        columns={[
          { key: "title", opens: true, title: t("subject"), render: (each) => <><strong>{each.title}</strong> <span className="quiet">{t(each.subject_kind)}</span></> },
          { key: "amount", title: t("amount"), right: true, render: (each) => <Money of={each.amount} /> },
          { key: "discount", title: t("discount"), right: true, render: (each) => (each.discount_basis_points ? f.percent(each.discount_basis_points / 10_000) : "–") },
          { key: "by", title: t("asked_by"), render: (each) => <PersonName id={each.requested_by} /> },
          { key: "at", title: t("asked"), right: true, render: (each) => <span title={f.moment(each.requested_at)}>{f.ago(each.requested_at)}</span> },
          { key: "waits", title: t("waits_for"), render: (each) => each.waiting_for.map((id, place) => <span key={id}>{place > 0 && ", "}<PersonName id={id} /></span>) },
          { key: "state", title: t("progress"), render: (each) => <StateTag state={each.state} /> },
        ]}
        card={(each) => ({
          title: <>{each.title} <StateTag state={each.state} /></>,
          meta: <><Money of={each.amount} /> {each.discount_basis_points > 0 && <span>{t("discount")} {f.percent(each.discount_basis_points / 10_000)}</span>} <span><PersonName id={each.requested_by} /></span> <span>{f.ago(each.requested_at)}</span></>,
        })}
        empty={{ title: t("no_approvals"), text: t("no_approvals_text") }}
        load={async (asked, signal) => {
          const one = (key: string) => asked.filters[key]?.[0];
          const query: Query<"/v1/approvals"> = {
            page_size: asked.pageSize,
            page_token: asked.pageToken,
            ...(one("mine") ? { waiting_for: "me", state: "APPROVAL_STATE_PENDING" as const } : {}),
            ...(one("state") ? { state: one("state") as Approval["state"] } : {}),
            ...(one("kind") ? { subject_kind: one("kind") as Approval["subject_kind"] } : {}),
          };
          const found = await get("/v1/approvals", { query, signal });
          return { rows: found.approvals, next: found.next_page_token };
        }}
      />
    </Page>
  );
}
