/** One lead: who it is, why it is with whom, what it is worth, and what happens next. */
import { CalendarOutlined, EditOutlined, MoreOutlined, PhoneOutlined } from "@ant-design/icons";
import { App, Button, Dropdown, Select } from "antd";
import { useState, type ReactNode } from "react";
import { Link, useParams } from "react-router";
import type { Answer } from "@/api/client";
import { useAsk, useOptimisticTell, useTell } from "@/api/hooks";
import { explain, problemWords, type Problem } from "@/api/problem";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useNames } from "@/features/marketing/pieces";
import { useWords } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { LinkButton } from "@/ui/LinkButton";
import { Page, Section } from "@/ui/Page";
import { Actor, PersonName } from "@/ui/people";
import { Answered } from "@/ui/states";
import { Tag } from "@/ui/Tag";
import { Timeline } from "@/ui/Timeline";
import { AssignDialog, ConvertDialog, CorrectDialog, LogDialog, PlanDialog, ReasonDialog, type WithReason } from "./dialogs";
import { leadWords } from "./leadWords";
import { isOpen, LeadState, NextStep, Score, ScoreReasons, useChannelName, useCodes, useLeadName, type Lead } from "./show";
import "./leads.css";

export default function LeadPage() {
  const { leadId = "" } = useParams();
  const asked = useAsk("/v1/leads/{lead_id}", { path: { lead_id: leadId } }, { live: ["pipeline"] });
  return <Answered of={asked}>{(data) => (data.lead ? <Content lead={data.lead} /> : null)}</Answered>;
}

type Open = "" | "assign" | "log" | "plan" | "correct" | "convert" | WithReason;

function Content({ lead }: { lead: Lead }) {
  const t = useWords(leadWords);
  const say = useWords(problemWords);
  const f = useFormats();
  const { may } = useSession();
  const { message } = App.useApp();
  const [open, setOpen] = useState<Open>("");
  const channelName = useChannelName();
  const leadName = useLeadName();
  const region = useCodes("regions");
  const industry = useCodes("industries");
  const path = { lead_id: lead.lead_id };
  const explanation = useAsk("/v1/leads/{lead_id}/assignment", { path }, { live: ["pipeline"] });
  const campaign = useNames("campaigns", Boolean(lead.campaign_id) && may("marketing.campaign.read")).get(lead.campaign_id);
  const statuses = useAsk("/v1/lead-statuses", {}, { freshMs: 300_000 });
  const refused = (problem: Problem) => {
    const { title, detail } = explain(problem, say);
    void message.error(detail || title);
  };
  const claim = useTell("/v1/leads/{lead_id}:claim", { touches: ["pipeline"], onDone: () => void message.success(t("claimed")) });
  const changeStatus = useOptimisticTell<"/v1/leads/{lead_id}:changeStatus", Answer<"/v1/leads/{lead_id}">>("/v1/leads/{lead_id}:changeStatus", {
    question: ["/v1/leads/{lead_id}", { path }],
    change: (answer, telling) => ({ ...answer, ...(answer.lead ? { lead: { ...answer.lead, status_id: telling.body?.status_id ?? "" } } : {}) }),
    touches: ["pipeline"],
  });
  const mayEdit = may("pipeline.lead.edit") && !lead.erased;
  const working = mayEdit && isOpen(lead);
  const revived = mayEdit && lead.state === "LEAD_STATE_NURTURING";
  const fact = (label: string, value: ReactNode) => (value ? <div><dt>{label}</dt><dd>{value}</dd></div> : null);
  return (
    <Page
      title={leadName(lead)}
      above={{ to: "/leads", label: t("leads") }}
      heading={
        <span className="row">
          {leadName(lead)} <LeadState state={lead.state} /> {lead.high_intent && <Tag tone="warn">{t("high_intent")}</Tag>}
        </span>
      }
      note={[lead.person_name ? lead.company : "", channelName(lead.source_channel), f.ago(lead.captured_at)].filter(Boolean).join(" · ")}
      actions={
        <>
          {lead.phone && !lead.phone.includes("*") && (
            <Button icon={<PhoneOutlined />} href={`tel:${lead.phone}`}>
              {t("call")}
            </Button>
          )}
          {working && <Button onClick={() => setOpen("log")}>{t("log")}</Button>}
          {working && lead.queue && (
            <Button type="primary" loading={claim.isPending} onClick={() => claim.mutate({ path }, { onError: refused })}>
              {t("claim")}
            </Button>
          )}
          {working && !lead.queue && lead.state === "LEAD_STATE_OPEN" && <Button onClick={() => setOpen("qualify")}>{t("qualify")}</Button>}
          {working && !lead.queue && (
            <Button type="primary" onClick={() => setOpen("convert")}>
              {t("convert")}
            </Button>
          )}
          {(working || revived) && (
            <Dropdown
              trigger={["click"]}
              menu={{
                items: [
                  { key: "assign", label: t("assign") },
                  ...(working && !lead.queue ? [{ key: "return", label: t("return") }] : []),
                  { key: "correct", label: t("edit") },
                  { type: "divider" as const },
                  ...(working ? [{ key: "nurture", label: t("nurture") }] : [{ key: "qualify", label: t("qualify") }]),
                  { key: "disqualify", label: t("disqualify"), danger: true },
                ],
                onClick: ({ key }) => setOpen(key as Open),
              }}
            >
              <Button icon={<MoreOutlined />} aria-label={t("more")} />
            </Dropdown>
          )}
        </>
      }
    >
      <div className="grid">
        <div className="grid-main stack">
          {lead.state === "LEAD_STATE_CONVERTED" && (
            <Section title={t("became")}>
              <div className="row">
                {lead.customer_id && <LinkButton to={places.customer(lead.customer_id)}>{t("to_customer")}</LinkButton>}
                {lead.opportunity_id && <LinkButton to={places.opportunity(lead.opportunity_id)} type="primary">{t("to_deal")}</LinkButton>}
              </div>
            </Section>
          )}
          <Section title={t("contact")} extra={mayEdit && <Button type="text" size="small" icon={<EditOutlined />} aria-label={t("edit")} onClick={() => setOpen("correct")} />}>
            <dl className="facts">
              {fact(t("name"), lead.person_name)}
              {fact(t("company"), lead.company)}
              {fact(t("phone"), lead.phone.includes("*") ? lead.phone : lead.phone && <a href={`tel:${lead.phone}`}>{lead.phone}</a>)}
              {fact(t("email"), lead.email.includes("*") ? lead.email : lead.email && <a href={`mailto:${lead.email}`}>{lead.email}</a>)}
              {fact(t("region"), lead.region_code && region(lead.region_code))}
              {fact(t("industry"), lead.industry_code && industry(lead.industry_code))}
              {fact(t("interest"), lead.product_interest)}
              {fact(t("reason"), lead.reason)}
            </dl>
          </Section>
          <Section title={t("assignment_why")}>
            <Answered of={explanation} rows={2}>
              {(data) => (
                <Timeline
                  items={[...data.steps].reverse().map((step, index) => ({
                    id: String(index),
                    at: step.at,
                    title: step.owner_id ? <PersonName id={step.owner_id} /> : t("in_pool"),
                    who: step.rule_name ? t("by_rule", { rule: step.rule_name, version: step.rule_set_version }) : <>{t("by_person")} · <Actor actor={step.actor} /></>,
                    text: step.reason,
                    extra: step.fallback && <Tag tone="warn">{t("nobody_fitted")}</Tag>,
                  }))}
                />
              )}
            </Answered>
          </Section>
        </div>
        <div className="grid-side stack">
          <Section title={t("next_step")} extra={working && <Button type="text" size="small" icon={<CalendarOutlined />} onClick={() => setOpen("plan")}>{t("plan")}</Button>}>
            <NextStep step={lead.next_step} on={lead.next_step_on} open={isOpen(lead)} />
          </Section>
          <Section title={t("owner")}>
            <dl className="facts">
              {lead.queue ? fact(t("owner"), <span className="warn">{t("in_pool")}</span>) : fact(t("owner"), <PersonName id={lead.owner_id} />)}
              {lead.queue && lead.accountable_id && fact(t("accountable"), <PersonName id={lead.accountable_id} />)}
              {lead.state === "LEAD_STATE_OPEN" &&
                fact(
                  t("status"),
                  <Select
                    size="small"
                    aria-label={t("choose_status")}
                    disabled={!working}
                    value={lead.status_id}
                    style={{ width: "100%" }}
                    options={(statuses.data?.statuses ?? []).map((each) => ({ value: each.status_id, label: each.name }))}
                    onChange={(status_id) => changeStatus.mutate({ path, body: { status_id } }, { onError: refused })}
                  />,
                )}
              {fact(t("worked"), f.ago(lead.last_worked_at))}
            </dl>
          </Section>
          <Section title={t("score_why")} extra={<Score lead={{ ...lead, score_reasons: [] }} />}>
            <ScoreReasons reasons={lead.score_reasons} />
          </Section>
          {(lead.duplicate_lead_ids.length > 0 || lead.duplicate_customer_ids.length > 0) && (
            <Section title={t("duplicates")}>
              <p className="quiet gap-below">{t("dup_hint")}</p>
              <ul className="in-words">
                {lead.duplicate_customer_ids.map((id) => <li key={id}>{t("dup_customers")}: <CustomerName id={id} link /></li>)}
                {lead.duplicate_lead_ids.map((id) => <li key={id}>{t("dup_leads")}: <Alike id={id} /></li>)}
              </ul>
            </Section>
          )}
          <Section title={t("origin")}>
            <dl className="facts">
              {fact(t("source"), channelName(lead.source_channel))}
              {fact(t("first_touch"), f.moment(lead.first_touch_at))}
              {fact(t("touches"), lead.touches)}
              {campaign && fact(t("campaign"), <Link to={places.campaign(lead.campaign_id)}>{campaign}</Link>)}
              {Object.keys(lead.utm).length > 0 && fact(t("utm"), Object.entries(lead.utm).map(([key, value]) => `${key}=${value}`).join(" "))}
              {lead.behaviours.length > 0 && fact(t("behaviours"), lead.behaviours.join(", "))}
            </dl>
          </Section>
        </div>
      </div>
      {open === "assign" && <AssignDialog lead={lead} onClose={() => setOpen("")} />}
      {open === "log" && <LogDialog lead={lead} onClose={() => setOpen("")} />}
      {open === "plan" && <PlanDialog lead={lead} onClose={() => setOpen("")} />}
      {open === "correct" && <CorrectDialog lead={lead} onClose={() => setOpen("")} />}
      {open === "convert" && <ConvertDialog lead={lead} onClose={() => setOpen("")} />}
      {(open === "return" || open === "qualify" || open === "nurture" || open === "disqualify") && <ReasonDialog lead={lead} what={open} onClose={() => setOpen("")} />}
    </Page>
  );
}

function Alike({ id }: { id: string }) {
  const leadName = useLeadName();
  const asked = useAsk("/v1/leads/{lead_id}", { path: { lead_id: id } });
  return <Link to={places.lead(id)}>{asked.data?.lead ? leadName(asked.data.lead) : id.slice(0, 8)}</Link>;
}
