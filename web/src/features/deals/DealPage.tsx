/** One deal: where it stands, what happens next, and everything from the quote to the money. */
import { CalendarOutlined, CheckOutlined, EditOutlined, MoreOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Dropdown } from "antd";
import { useRef, useState, type ReactNode } from "react";
import { Link, useParams } from "react-router";
import type { Answer } from "@/api/client";
import { askAgain, useAsk } from "@/api/hooks";
import { Problem } from "@/api/problem";
import { useQueryClient } from "@tanstack/react-query";
import { places } from "@/app/places";
import { useMay, useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useChannelName } from "@/features/leads/show";
import { useWords } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { Money } from "@/ui/Money";
import { LinkButton } from "@/ui/LinkButton";
import { Page, Section } from "@/ui/Page";
import { Actor, PersonName } from "@/ui/people";
import { Answered, Notice } from "@/ui/states";
import { Timeline } from "@/ui/Timeline";
import { DrawUpDialog } from "./ContractPage";
import { EditDealDialog, LoseDialog, MoveDialog, PlanStepDialog, ReopenDialog, TransferDialog, usePipelines, WinDialog } from "./dealDialogs";
import { dealWords } from "./dealWords";
import { DaysInStage, StateTag, StepLine, useAdvance, useRefused, type Deal, type Stage } from "./show";
import "./deals.css";

type Whole = Answer<"/v1/opportunities/{opportunity_id}">;

export default function DealPage() {
  const { dealId = "" } = useParams();
  const asked = useAsk("/v1/opportunities/{opportunity_id}", { path: { opportunity_id: dealId } }, { live: ["pipeline"] });
  return <Answered of={asked}>{(data) => (data.opportunity ? <Content whole={data} deal={data.opportunity} /> : null)}</Answered>;
}

type Open = "" | "win" | "lose" | "reopen" | "transfer" | "edit" | "plan" | "done" | "contract";

function Content({ whole, deal }: { whole: Whole; deal: Deal }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const channelName = useChannelName();
  const { may } = useSession();
  const [open, setOpen] = useState<Open>("");
  const pipelines = usePipelines();
  const stages = pipelines.data?.pipelines.find((each) => each.pipeline_id === deal.pipeline_id)?.stages ?? [];
  const mayEdit = may("pipeline.opportunity.edit");
  const isOpen = deal.state === "OPPORTUNITY_STATE_OPEN";
  const working = mayEdit && isOpen;
  const fact = (label: string, value: ReactNode) => (value ? <div><dt>{label}</dt><dd>{value}</dd></div> : null);
  const close = () => setOpen("");
  return (
    <Page
      title={deal.title}
      above={{ to: "/deals", label: t("deals") }}
      heading={<span className="row">{deal.title} {isOpen ? <DaysInStage deal={deal} /> : <StateTag state={deal.state} />}</span>}
      note={<span className="row">{deal.customer_id ? <CustomerName id={deal.customer_id} link /> : t("no_customer")} <span>·</span> <strong><Money of={deal.amount} /></strong> <span>·</span> <PersonName id={deal.owner_id} /></span>}
      actions={
        mayEdit && (
          <>
            {isOpen && <Button onClick={() => setOpen("lose")}>{t("lose")}</Button>}
            {isOpen && <Button type="primary" onClick={() => setOpen("win")}>{t("win")}</Button>}
            {!isOpen && <Button onClick={() => setOpen("reopen")}>{t("reopen")}</Button>}
            <Dropdown trigger={["click"]} menu={{ items: [{ key: "edit", label: t("edit"), icon: <EditOutlined />, disabled: !isOpen }, { key: "transfer", label: t("transfer") }], onClick: ({ key }) => setOpen(key as Open) }}>
              <Button icon={<MoreOutlined />} aria-label={t("more")} />
            </Dropdown>
          </>
        )
      }
    >
      <div className="stack">
        {stages.length > 0 && <Path deal={deal} stages={stages} mayMove={working} onOutcome={(stage) => setOpen(stage.kind === "STAGE_KIND_WON" ? "win" : "lose")} />}
        <div className="grid">
          <div className="grid-main stack">
            {isOpen && (
              <Section
                title={t("next_step")}
                extra={
                  working && (
                    <span className="row">
                      {deal.next_step && <Button size="small" icon={<CheckOutlined />} onClick={() => setOpen("done")}>{t("done_step")}</Button>}
                      <Button size="small" icon={<CalendarOutlined />} onClick={() => setOpen("plan")}>{t("plan")}</Button>
                    </span>
                  )
                }
              >
                <StepLine step={deal.next_step} on={deal.next_step_on} open />
              </Section>
            )}
            <Quotes deal={deal} />
            <Contracts deal={deal} onDrawUp={() => setOpen("contract")} />
            <Orders deal={deal} />
          </div>
          <div className="grid-side stack">
            <Section title={t("facts")} extra={working && <Button type="text" size="small" icon={<EditOutlined />} aria-label={t("edit")} onClick={() => setOpen("edit")} />}>
              <dl className="facts">
                {fact(t("amount"), <Money of={deal.amount} />)}
                {fact(t("probability"), f.percent(deal.probability / 100, 0))}
                {fact(t("close_on"), f.day(deal.expected_close_on))}
                {fact(t("owner"), <PersonName id={deal.owner_id} />)}
                {fact(t("source"), channelName(deal.source_channel))}
                {fact(t("opened"), f.day(deal.opened_at))}
                {deal.lead_id && may("pipeline.lead.read") && fact(t("from_lead"), <Link to={places.lead(deal.lead_id)}>{t("from_lead")}</Link>)}
                {fact(t("closed"), f.day(deal.closed_at))}
                {fact(t("reason"), deal.reason)}
                {fact(t("competitor"), deal.competitor)}
              </dl>
            </Section>
            <Section title={t("history")}>
              <Timeline
                items={[...whole.moves].reverse().map((move, index) => ({
                  id: String(index),
                  at: move.at,
                  title: move.to_stage_name,
                  who: <Actor actor={move.actor} />,
                  text: [move.reason, move.from_stage_id ? t("in_stage", { days: move.days }) : ""].filter(Boolean).join(" · "),
                }))}
              />
            </Section>
          </div>
        </div>
      </div>
      {open === "win" && <WinDialog deal={deal} onClose={close} />}
      {open === "lose" && <LoseDialog deal={deal} onClose={close} />}
      {open === "reopen" && <ReopenDialog deal={deal} stages={stages} onClose={close} />}
      {open === "transfer" && <TransferDialog deal={deal} onClose={close} />}
      {open === "edit" && <EditDealDialog deal={deal} onClose={close} />}
      {(open === "plan" || open === "done") && <PlanStepDialog deal={deal} done={open === "done"} onClose={close} />}
      {open === "contract" && <DrawUpDialog opportunityId={deal.opportunity_id} customerId={deal.customer_id} onClose={close} />}
    </Page>
  );
}

/** The stages in a row; the one it is in stands out, any other can be chosen. */
function Path({ deal, stages, mayMove, onOutcome }: { deal: Deal; stages: readonly Stage[]; mayMove: boolean; onOutcome: (stage: Stage) => void }) {
  const t = useWords(dealWords);
  const client = useQueryClient();
  const refused = useRefused();
  const advance = useAdvance();
  const [asks, setAsks] = useState<Stage>();
  const [to, setTo] = useState("");
  const moves = useRef(0);
  const at = stages.findIndex((stage) => stage.stage_id === (to || deal.stage_id));
  const go = async (stage: Stage) => {
    if (stage.stage_id === (to || deal.stage_id)) return;
    if (stage.kind !== "STAGE_KIND_OPEN") return onOutcome(stage);
    setTo(stage.stage_id);
    const move = (moves.current += 1);
    try {
      await advance(deal, stage);
      await client.invalidateQueries({ queryKey: ["/v1/opportunities/{opportunity_id}"] });
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem("other", String(error));
      if (problem.kind === "queued") return refused(problem); // it shows where it will be, until it is sent
      if (problem.violations.some((each) => each.field === "reason")) setAsks(stage);
      else refused(problem);
    }
    if (move === moves.current) setTo(""); // otherwise it is on its way to another one already
    askAgain(client, ["pipeline"]);
  };
  const closed = deal.state !== "OPPORTUNITY_STATE_OPEN";
  return (
    <nav className="path" tabIndex={0} aria-label={t("stage")}>
      {stages.map((stage, index) => {
        const now = index === at;
        const look = stage.kind === "STAGE_KIND_WON" && now ? "path-won" : stage.kind === "STAGE_KIND_LOST" && now ? "path-lost" : now ? "path-now" : index < at && !closed ? "path-done" : "";
        return (
          <button key={stage.stage_id} type="button" className={look} aria-current={now ? "step" : undefined} disabled={!mayMove} onClick={() => void go(stage)}>
            {stage.name}
          </button>
        );
      })}
      {asks && <MoveDialog deal={deal} stage={asks} onClose={() => setAsks(undefined)} />}
    </nav>
  );
}

function Quotes({ deal }: { deal: Deal }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const may = useMay("pipeline.quote.read");
  const mayCreate = useMay("pipeline.quote.create") && deal.state === "OPPORTUNITY_STATE_OPEN";
  const asked = useAsk("/v1/quotes", { query: { opportunity_id: deal.opportunity_id, page_size: 50 } }, { live: ["pipeline"], enabled: may });
  if (!may) return null;
  const create = <LinkButton to={`/quotes/new?deal=${deal.opportunity_id}`} size="small" icon={<PlusOutlined />}>{t("new_quote")}</LinkButton>;
  return (
    <Section title={t("quotes")} extra={mayCreate && create}>
      <Answered of={asked} rows={2}>
        {(data) =>
          data.quotes.length ? (
            <ul className="records">
              {data.quotes.map((quote) => (
                <li key={quote.quote_id}>
                  <Link to={places.quote(quote.quote_id)} className="strong">{quote.number}</Link>
                  <StateTag state={quote.state} />
                  <span className="quiet">{t("version", { version: quote.quote_version })}</span>
                  {quote.discount_basis_points > 0 && <span className="quiet">{t("discount")} {f.percent(quote.discount_basis_points / 10_000)}</span>}
                  <span className="spread" />
                  <span className="quiet">{t("valid_until")} {f.day(quote.valid_until)}</span>
                  <strong><Money of={quote.total} /></strong>
                </li>
              ))}
            </ul>
          ) : (
            <Notice quiet title={t("no_quotes")} text={t("no_quotes_text")} />
          )
        }
      </Answered>
    </Section>
  );
}

function Contracts({ deal, onDrawUp }: { deal: Deal; onDrawUp: () => void }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const may = useMay("pipeline.contract.read") && Boolean(deal.customer_id);
  const mayCreate = useMay("pipeline.contract.create");
  const asked = useAsk("/v1/contracts", { query: { customer_id: deal.customer_id, page_size: 200 } }, { live: ["pipeline"], enabled: may, select: (answer) => answer.contracts.filter((each) => each.opportunity_id === deal.opportunity_id) });
  if (!may) return null;
  return (
    <Section title={t("contract")} extra={mayCreate && <Button size="small" onClick={onDrawUp}>{t("draw_up")}</Button>}>
      <Answered of={asked} rows={1}>
        {(contracts) =>
          contracts.length ? (
            <ul className="records">
              {contracts.map((contract) => (
                <li key={contract.contract_id}>
                  <Link to={places.contract(contract.contract_id)} className="strong">{contract.number}</Link>
                  <StateTag state={contract.state} />
                  <span className="clip spread">{contract.title}</span>
                  {contract.signed_on && <span className="quiet">{t("signed_on")} {f.day(contract.signed_on)}</span>}
                  <strong><Money of={contract.amount} /></strong>
                </li>
              ))}
            </ul>
          ) : (
            <p className="quiet">{t("no_contract")}</p>
          )
        }
      </Answered>
    </Section>
  );
}

function Orders({ deal }: { deal: Deal }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const may = useMay("pipeline.order.read");
  const asked = useAsk("/v1/orders", { query: { opportunity_id: deal.opportunity_id, page_size: 50 } }, { live: ["pipeline"], enabled: may });
  if (!may) return null;
  return (
    <Section title={t("orders")}>
      <Answered of={asked} rows={1}>
        {(data) =>
          data.orders.length ? (
            <ul className="records">
              {data.orders.map((order) => (
                <li key={order.order_id}>
                  <Link to={places.order(order.order_id)} className="strong">{order.number}</Link>
                  <StateTag state={order.state} />
                  <span className="quiet spread">{f.day(order.placed_on)}</span>
                  <span className="quiet">{t("paid")} <Money of={order.paid} /></span>
                  {Number(order.outstanding?.minor_units ?? 0) > 0 && <span className="warn">{t("outstanding")} <Money of={order.outstanding} /></span>}
                  <strong><Money of={order.total} /></strong>
                </li>
              ))}
            </ul>
          ) : (
            <p className="quiet">{t("no_orders")}</p>
          )
        }
      </Answered>
    </Section>
  );
}
