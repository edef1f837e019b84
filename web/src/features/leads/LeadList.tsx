/** The lead pool: whose, how good, why there, what next. */
import { ImportOutlined, PlusOutlined } from "@ant-design/icons";
import { App, Button, Input, Modal, Tooltip } from "antd";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { get, post, type Query } from "@/api/client";
import { askAgain, useAsk, useTell } from "@/api/hooks";
import { explain, problemWords } from "@/api/problem";
import { useQueryClient } from "@tanstack/react-query";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { DataList } from "@/ui/DataList";
import { LinkButton } from "@/ui/LinkButton";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { PersonSelect } from "@/ui/PersonSelect";
import { usePhone } from "@/ui/phone";
import { NewLeadDialog } from "./dialogs";
import { leadWords } from "./leadWords";
import { CHANNELS, isOpen, LeadState, NextStep, Score, useChannelName, useCodes, useLeadName, type Lead } from "./show";
import "./leads.css";

type State = Lead["state"];
const states: State[] = ["LEAD_STATE_OPEN", "LEAD_STATE_QUALIFIED", "LEAD_STATE_NURTURING", "LEAD_STATE_DISQUALIFIED", "LEAD_STATE_CONVERTED"];

export default function LeadList() {
  const t = useWords(leadWords);
  const f = useFormats();
  const phone = usePhone();
  const { may, personId } = useSession();
  const { message } = App.useApp();
  const say = useWords(problemWords);
  const channelName = useChannelName();
  const leadName = useLeadName();
  const region = useCodes("regions");
  const [address, setAddress] = useSearchParams();
  const [bulk, setBulk] = useState<{ what: "assign" | "disqualify"; leads: readonly Lead[]; done: () => void }>();
  const statuses = useAsk("/v1/lead-statuses", {}, { freshMs: 300_000 });
  const statusName = (id: string) => statuses.data?.statuses.find((each) => each.status_id === id)?.name ?? id;
  const claim = useTell("/v1/leads/{lead_id}:claim", { touches: ["pipeline"], onDone: () => void message.success(t("claimed")) });
  const mayEdit = may("pipeline.lead.edit");
  const claimButton = (lead: Lead) =>
    lead.queue && mayEdit && isOpen(lead) ? (
      <Button
        size={phone ? "middle" : "small"}
        loading={claim.isPending && claim.variables?.path.lead_id === lead.lead_id}
        onClick={() => claim.mutate({ path: { lead_id: lead.lead_id } }, { onError: (problem) => void message.error(explain(problem, say).detail || explain(problem, say).title) })}
      >
        {t("claim")}
      </Button>
    ) : null;
  const setNew = (open: boolean) => {
    const next = new URLSearchParams(address);
    if (open) next.set("new", "1");
    else next.delete("new");
    setAddress(next, { replace: true });
  };
  return (
    <Page
      title={t("leads")}
      note={phone ? undefined : t("note")}
      wide
      actions={
        <>
          {may("pipeline.lead.import") && !phone && (
            <LinkButton to="/leads/import" icon={<ImportOutlined />}>{t("import")}</LinkButton>
          )}
          {may("pipeline.lead.create") && (
            <Button type="primary" icon={<PlusOutlined />} onClick={() => setNew(true)}>
              {t("new_lead")}
            </Button>
          )}
        </>
      }
    >
      <DataList<Lead>
        name="leads"
        rowKey={(lead) => lead.lead_id}
        to={(lead) => places.lead(lead.lead_id)}
        live={["pipeline"]}
        views={[
          { key: "open", label: t("open_ones"), query: "state=LEAD_STATE_OPEN" },
          { key: "mine", label: t("mine"), query: "only=mine&state=LEAD_STATE_OPEN" },
          { key: "pool", label: t("all_pool"), query: "only=pool" },
          { key: "high", label: t("high_intent"), query: "only=high&state=LEAD_STATE_OPEN" },
          { key: "flagged", label: t("flagged"), query: "only=flagged" },
        ]}
        filters={[
          { key: "state", label: t("state"), kind: "select", options: states.map((value) => ({ value, label: t(value) })) },
          { key: "status", label: t("status"), kind: "select", options: (statuses.data?.statuses ?? []).map((each) => ({ value: each.status_id, label: each.name })) },
          { key: "source", label: t("source"), kind: "select", options: CHANNELS.map((value) => ({ value, label: channelName(value) })) },
          { key: "only", label: t("only"), kind: "select", multiple: true, options: [{ value: "mine", label: t("mine") }, { value: "pool", label: t("all_pool") }, { value: "high", label: t("high_intent") }, { value: "flagged", label: t("flagged") }] },
        ]}
        columns={[
          {
            key: "who",
            opens: true,
            title: t("who"),
            render: (lead) => (
              <>
                <strong>{leadName(lead)}</strong>
                {lead.company && lead.person_name && <div className="quiet clip lead-company">{lead.company}</div>}
              </>
            ),
          },
          { key: "score", title: t("score"), right: true, width: 84, render: (lead) => <Score lead={lead} /> },
          { key: "status", title: t("status"), render: (lead) => (lead.state === "LEAD_STATE_OPEN" ? statusName(lead.status_id) : <LeadState state={lead.state} />) },
          { key: "source", title: t("source"), render: (lead) => channelName(lead.source_channel) },
          { key: "owner", title: t("owner"), render: (lead) => (lead.queue ? <span className="row row-tight"><span className="warn">{t("in_pool")}</span> {claimButton(lead)}</span> : <PersonName id={lead.owner_id} />) },
          {
            key: "why",
            title: t("why"),
            render: (lead) => (
              <Tooltip title={lead.assignment_reason}>
                <div className={lead.fallback ? "clip lead-why warn" : "clip lead-why quiet"}>{lead.assignment_reason}</div>
              </Tooltip>
            ),
          },
          { key: "next", title: t("next_step"), render: (lead) => <NextStep step={lead.next_step} on={lead.next_step_on} open={isOpen(lead)} /> },
          { key: "captured", title: t("captured"), right: true, render: (lead) => <span title={f.moment(lead.captured_at)}>{f.ago(lead.captured_at)}</span> },
          { key: "region", title: t("region"), hidden: true, render: (lead) => region(lead.region_code) },
          { key: "phone", title: t("phone"), hidden: true, render: (lead) => lead.phone },
          { key: "touches", title: t("touches"), right: true, hidden: true, render: (lead) => lead.touches },
        ]}
        card={(lead) => ({
          title: (
            <>
              {leadName(lead)} <Score lead={lead} />
            </>
          ),
          meta: (
            <>
              {lead.company && <span>{lead.company}</span>}
              <span>{lead.state === "LEAD_STATE_OPEN" ? statusName(lead.status_id) : t(lead.state)}</span>
              <span>{lead.queue ? t("in_pool") : <PersonName id={lead.owner_id} />}</span>
              <span>{f.ago(lead.captured_at)}</span>
            </>
          ),
          action: claimButton(lead) ?? (lead.phone && !lead.phone.includes("*") ? <Button href={`tel:${lead.phone}`}>{t("call")}</Button> : undefined),
        })}
        bulk={
          mayEdit
            ? [
                { key: "assign", label: t("assign"), run: (leads, done) => setBulk({ what: "assign", leads, done }) },
                { key: "disqualify", label: t("disqualify"), danger: true, run: (leads, done) => setBulk({ what: "disqualify", leads, done }) },
              ]
            : []
        }
        empty={{ title: t("empty"), text: t("empty_text") }}
        load={async (asked, signal) => {
          const one = (key: string) => asked.filters[key]?.[0];
          const only = asked.filters.only ?? [];
          const query: Query<"/v1/leads"> = {
            page_size: asked.pageSize,
            page_token: asked.pageToken,
            search: asked.search,
            owner_id: only.includes("mine") ? personId : "",
            status_id: one("status") ?? "",
            source_channel: one("source") ?? "",
            queue: only.includes("pool") ? "any" : "",
            ...(one("state") ? { state: one("state") as State } : {}),
            ...(only.includes("high") ? { high_intent: true } : {}),
            ...(only.includes("flagged") ? { flagged: true } : {}),
          };
          const found = await get("/v1/leads", { query, signal });
          return { rows: found.leads, next: found.next_page_token, total: Number(found.total_size) };
        }}
      />
      {address.get("new") && <NewLeadDialog onClose={() => setNew(false)} />}
      {bulk && <BulkDialog {...bulk} onClose={() => setBulk(undefined)} />}
    </Page>
  );
}

/** One command for each lead, one after the other, and then what became of each. */
function BulkDialog({ what, leads, done, onClose }: { what: "assign" | "disqualify"; leads: readonly Lead[]; done: () => void; onClose: () => void }) {
  const t = useWords(leadWords);
  const say = useWords(problemWords);
  const leadName = useLeadName();
  const client = useQueryClient();
  const [owner, setOwner] = useState("");
  const [reason, setReason] = useState("");
  const [at, setAt] = useState(-1);
  const [failed, setFailed] = useState<{ name: string; why: string }[]>();
  const run = async () => {
    const refused: { name: string; why: string }[] = [];
    for (const [index, lead] of leads.entries()) {
      setAt(index);
      const path = { lead_id: lead.lead_id };
      try {
        if (what === "assign") await post("/v1/leads/{lead_id}:assign", { path, body: { owner_id: owner, reason } });
        else await post("/v1/leads/{lead_id}:disqualify", { path, body: { reason } });
      } catch (error) {
        const { title, detail } = explain(error, say);
        refused.push({ name: leadName(lead), why: detail || title });
      }
    }
    askAgain(client, ["pipeline"]);
    setFailed(refused);
    done();
  };
  if (failed)
    return (
      <Modal open title={t("result")} onCancel={onClose} footer={<Button type="primary" onClick={onClose}>{t("close")}</Button>}>
        <p>{t("bulk_done", { done: leads.length - failed.length, failed: failed.length })}</p>
        {failed.map((each) => (
          <p key={each.name} className="gap-above">
            <strong>{each.name}</strong> <span className="quiet">{each.why}</span>
          </p>
        ))}
      </Modal>
    );
  return (
    <Modal open title={`${t(what)} (${leads.length})`} onCancel={onClose} onOk={() => void run()} okText={at >= 0 ? t("progress", { done: at + 1, count: leads.length }) : t(what)} confirmLoading={at >= 0} okButtonProps={{ disabled: what === "disqualify" && !reason.trim(), danger: what === "disqualify" }}>
      <div className="stack">
        {what === "assign" && (
          <label>
            {t("to_whom")}
            <PersonSelect value={owner} onChange={setOwner} />
            <span className="quiet">{t("rules_decide")}</span>
          </label>
        )}
        <label>
          {t("reason")}
          <Input value={reason} maxLength={300} onChange={(event) => setReason(event.target.value)} />
        </label>
      </div>
    </Modal>
  );
}
