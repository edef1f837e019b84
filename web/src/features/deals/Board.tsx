/**
 * The open deals by stage. A card is moved by dragging it, by Alt with an arrow, or from its menu; the board shows the
 * move at once and takes it back if the server refuses. When the server wants a reason, it is asked for.
 */
import { DownOutlined, PlusOutlined, UnorderedListOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { Button, Dropdown, Select } from "antd";
import { useEffect, useRef, useState, type DragEvent, type KeyboardEvent } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { askAgain, useAsk } from "@/api/hooks";
import { Problem } from "@/api/problem";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats, type Amount } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { Figure } from "@/ui/Figure";
import { Money, Monies } from "@/ui/Money";
import { LinkButton } from "@/ui/LinkButton";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { usePhone } from "@/ui/phone";
import { Answered } from "@/ui/states";
import { moved, plus, type BoardAnswer } from "./moving";
import { LoseDialog, MoveDialog, NewDealDialog, usePipelines, WinDialog } from "./dealDialogs";
import { dealWords } from "./dealWords";
import { DaysInStage, StepLine, useAdvance, useRefused, type Deal, type Stage } from "./show";
import "./deals.css";

type Column = BoardAnswer["columns"][number];
const CARDS = 50;

export default function Board() {
  const t = useWords(dealWords);
  const phone = usePhone();
  const { may, personId } = useSession();
  const [address, setAddress] = useSearchParams();
  const pipelines = usePipelines();
  const change = (key: string, value: string) => {
    const next = new URLSearchParams(address);
    if (value) next.set(key, value);
    else next.delete(key);
    setAddress(next, { replace: true });
  };
  const asking = { path: { pipeline_id: address.get("pipeline") || "default" }, query: { owner_id: address.get("owner") ?? "", cards_per_stage: CARDS } };
  const board = useAsk("/v1/pipelines/{pipeline_id}/board", asking, { live: ["pipeline"], keep: true });
  const chosen = board.data?.pipeline?.pipeline_id ?? "";
  return (
    <Page
      title={t("deals")}
      wide
      actions={
        <>
          {(pipelines.data?.pipelines.length ?? 0) > 1 && (
            <Select aria-label={t("pipeline")} value={chosen} style={{ minWidth: 150 }} onChange={(id) => change("pipeline", id)} options={pipelines.data?.pipelines.map((each) => ({ value: each.pipeline_id, label: each.name })) ?? []} />
          )}
          <Select aria-label={t("owner")} value={address.get("owner") ?? ""} style={{ minWidth: 120 }} onChange={(id) => change("owner", id)} options={[{ value: "", label: t("all_deals") }, { value: personId, label: t("my_deals") }]} />
          <LinkButton to="/deals/list" icon={<UnorderedListOutlined />}>{t("list")}</LinkButton>
          {may("pipeline.opportunity.create") && (
            <Button type="primary" icon={<PlusOutlined />} onClick={() => change("new", "1")}>
              {t("new_deal")}
            </Button>
          )}
        </>
      }
    >
      <Answered of={board} rows={10}>
        {(data) => (
          <>
            {!phone && <Totals board={data} asOf={board.dataUpdatedAt} />}
            <Columns board={data} question={["/v1/pipelines/{pipeline_id}/board", asking]} />
          </>
        )}
      </Answered>
      {address.get("new") && <NewDealDialog pipelineId={chosen} onClose={() => change("new", "")} />}
    </Page>
  );
}

function Totals({ board, asOf }: { board: BoardAnswer; asOf: number }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const all = (pick: (column: Column) => readonly Amount[]) => board.columns.flatMap(pick).reduce<Amount[]>((sums, each) => plus(sums, each, 1n), []);
  const stuck = board.columns.reduce((count, column) => count + column.stuck, 0);
  const count = board.columns.reduce((deals, column) => deals + column.deals, 0);
  const when = new Date(asOf).toISOString();
  return (
    <div className="figures board-figures gap-below">
      <Figure label={t("total_open")} value={<Monies of={all((column) => column.sums)} short />} note={t("deals_count", { count })} definition={t("definition_sum")} asOf={when} />
      <Figure label={t("total_weighted")} value={<Monies of={all((column) => column.weighted)} short />} definition={t("definition_weighted")} asOf={when} />
      <Figure label={t("total_stuck")} value={f.number(stuck)} definition={t("definition_stuck")} asOf={when} to="/deals/list?only=stuck" {...(stuck ? { tone: "bad" as const } : {})} />
    </div>
  );
}

function Columns({ board, question }: { board: BoardAnswer; question: readonly unknown[] }) {
  const t = useWords(dealWords);
  const phone = usePhone();
  const refused = useRefused();
  const client = useQueryClient();
  const { may } = useSession();
  const [dragged, setDragged] = useState<Deal>();
  const [over, setOver] = useState("");
  const [said, setSaid] = useState("");
  const [asks, setAsks] = useState<{ deal: Deal; stage: Stage }>();
  const [shown, setShown] = useState("");
  const advance = useAdvance();
  const held = useRef("");
  useEffect(() => {
    // The card is drawn anew in its column; the keys stay with it.
    if (held.current) document.querySelector<HTMLElement>(`[data-deal="${held.current}"]`)?.focus();
    held.current = "";
  }, [board]);
  const show = (next: BoardAnswer, deal: Deal) => {
    if (document.activeElement?.getAttribute("data-deal") === deal.opportunity_id) held.current = deal.opportunity_id;
    client.setQueryData<BoardAnswer>(question, next);
  };
  const mayMove = may("pipeline.opportunity.edit");
  const open = board.columns.flatMap((column) => (column.stage ? [column.stage] : []));
  const outcomes = (board.pipeline?.stages ?? []).filter((stage) => stage.kind !== "STAGE_KIND_OPEN");

  const move = async (deal: Deal, stage: Stage) => {
    if (stage.stage_id === deal.stage_id) return;
    if (stage.kind !== "STAGE_KIND_OPEN") return setAsks({ deal, stage });
    await client.cancelQueries({ queryKey: question });
    const before = client.getQueryData<BoardAnswer>(question);
    if (before) show(moved(before, deal, stage), deal);
    try {
      await advance(deal, stage);
      setSaid(t("moved", { deal: deal.title, stage: stage.name }));
      askAgain(client, ["pipeline"]);
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem("other", String(error));
      if (problem.kind === "queued") return refused(problem); // it stays where it was moved to, until it is sent
      if (before) show(before, deal);
      setSaid(t("not_moved"));
      if (problem.violations.some((each) => each.field === "reason")) setAsks({ deal, stage });
      else {
        refused(problem);
        askAgain(client, ["pipeline"]);
      }
    }
  };
  const drop = (stage: Stage) => (event: DragEvent) => {
    event.preventDefault();
    setOver("");
    if (dragged) void move(dragged, stage);
    setDragged(undefined);
  };
  const target = (stage: Stage) => ({
    onDragOver: (event: DragEvent) => {
      if (!dragged) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "move";
      if (over !== stage.stage_id) setOver(stage.stage_id);
    },
    onDragLeave: (event: DragEvent) => {
      if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver("");
    },
    onDrop: drop(stage),
  });
  const card = (deal: Deal) => (
    <Card
      key={deal.opportunity_id}
      deal={deal}
      stages={[...open, ...outcomes]}
      mayMove={mayMove}
      onMove={(stage) => void move(deal, stage)}
      onDrag={(is) => setDragged(is ? deal : undefined)}
      dragged={dragged?.opportunity_id === deal.opportunity_id}
    />
  );
  const windows = asks && (
    <>
      {asks.stage.kind === "STAGE_KIND_OPEN" && <MoveDialog deal={asks.deal} stage={asks.stage} onClose={() => setAsks(undefined)} />}
      {asks.stage.kind === "STAGE_KIND_WON" && <WinDialog deal={asks.deal} onClose={() => setAsks(undefined)} />}
      {asks.stage.kind === "STAGE_KIND_LOST" && <LoseDialog deal={asks.deal} onClose={() => setAsks(undefined)} />}
    </>
  );
  if (phone) {
    const column = board.columns.find((each) => each.stage?.stage_id === shown) ?? board.columns[0];
    return (
      <>
        <div className="board-tabs" role="group" aria-label={t("stage")}>
          {board.columns.map((each) => (
            <button key={each.stage?.stage_id} type="button" aria-pressed={each === column} className={each === column ? "board-tab board-tab-on" : "board-tab"} onClick={() => setShown(each.stage?.stage_id ?? "")}>
              {each.stage?.name} <span>{each.deals}</span>
            </button>
          ))}
        </div>
        {column && (
          <section className="board-column board-column-phone" aria-label={column.stage?.name ?? ""}>
            <Head column={column} />
            <div className="board-cards">{column.cards.length ? column.cards.map(card) : <p className="quiet board-none">{t("empty_stage")}</p>}</div>
          </section>
        )}
        <p className="board-said" role="status">{said}</p>
        {windows}
      </>
    );
  }
  return (
    <>
      <div className="board" onKeyDown={walk}>
        {board.columns.map((column) =>
          column.stage ? (
            <section key={column.stage.stage_id} className={over === column.stage.stage_id ? "board-column board-over" : "board-column"} aria-label={column.stage.name} {...target(column.stage)}>
              <Head column={column} />
              <div className="board-cards">
                {column.cards.map(card)}
                {!column.cards.length && <p className="quiet board-none">{t("empty_stage")}</p>}
                {column.deals > column.cards.length && (
                  <Link className="board-none" to={`/deals/list?stage=${column.stage.stage_id}`}>
                    {t("more_in_list", { count: column.deals - column.cards.length })}
                  </Link>
                )}
              </div>
            </section>
          ) : null,
        )}
        {mayMove && (
          <div className="board-outcomes">
            {outcomes.map((stage) => (
              <div key={stage.stage_id} className={`board-outcome ${stage.kind === "STAGE_KIND_WON" ? "board-won" : "board-lost"} ${over === stage.stage_id ? "board-over" : ""} ${dragged ? "board-outcome-ready" : ""}`} {...target(stage)}>
                <strong>{stage.name}</strong>
                <span>{t("drop_here")}</span>
              </div>
            ))}
          </div>
        )}
      </div>
      <p className="quiet board-keys">{t("move_keys")}</p>
      <p className="board-said" role="status">{said}</p>
      {windows}
    </>
  );
}

function Head({ column }: { column: Column }) {
  const t = useWords(dealWords);
  return (
    <header className="board-head">
      <h2>
        {column.stage?.name} <span className="quiet">{column.deals}</span>
        {column.stuck > 0 && <span className="tag tag-bad board-stuck">{t("stuck_count", { count: column.stuck })}</span>}
      </h2>
      <p>
        <strong title={t("definition_sum")}><Monies of={column.sums} short /></strong>{" "}
        <span className="quiet" title={t("definition_weighted")}><WeightedText of={column.weighted} /></span>
      </p>
    </header>
  );
}

function WeightedText({ of }: { of: readonly Amount[] }) {
  const t = useWords(dealWords);
  const f = useFormats();
  return of.length ? <>{t("weighted", { sum: of.map((each) => f.money(each, true)).join(" · ") })}</> : null;
}

/** Arrow keys go from card to card. */
function walk(event: KeyboardEvent<HTMLDivElement>) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const at = (event.target as HTMLElement).closest<HTMLElement>(".deal-card");
  if (!at || event.target !== at) return;
  const column = at.closest(".board-column");
  const cards = (of: Element | null | undefined) => [...(of?.querySelectorAll<HTMLElement>(".deal-card") ?? [])];
  const index = cards(column).indexOf(at);
  const beside = (step: -1 | 1) => {
    const columns = [...document.querySelectorAll(".board-column")];
    for (let next = columns.indexOf(column as Element) + step; next >= 0 && next < columns.length; next += step) {
      const found = cards(columns[next]);
      if (found.length) return found[Math.min(index, found.length - 1)];
    }
    return undefined;
  };
  const ways: Readonly<Record<string, () => HTMLElement | undefined>> = { ArrowDown: () => cards(column)[index + 1], ArrowUp: () => cards(column)[index - 1], ArrowLeft: () => beside(-1), ArrowRight: () => beside(1) };
  const to = ways[event.key]?.();
  if (!to) return;
  event.preventDefault();
  to.focus();
}

interface CardProps {
  deal: Deal;
  stages: readonly Stage[];
  mayMove: boolean;
  onMove: (stage: Stage) => void;
  onDrag: (is: boolean) => void;
  dragged: boolean;
}

function Card({ deal, stages, mayMove, onMove, onDrag, dragged }: CardProps) {
  const t = useWords(dealWords);
  const navigate = useNavigate();
  const phone = usePhone();
  const keys = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    if (event.key === "Enter") void navigate(places.opportunity(deal.opportunity_id));
    if (!event.altKey || !mayMove || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return;
    event.preventDefault();
    const open = stages.filter((stage) => stage.kind === "STAGE_KIND_OPEN");
    const stage = open[open.findIndex((each) => each.stage_id === deal.stage_id) + (event.key === "ArrowRight" ? 1 : -1)];
    if (!stage) return;
    onMove(stage);
  };
  return (
    <article
      className={`deal-card ${deal.stuck ? "deal-stuck" : ""} ${dragged ? "deal-dragged" : ""}`}
      data-deal={deal.opportunity_id}
      tabIndex={0}
      aria-label={deal.title}
      draggable={mayMove && !phone}
      onDragStart={(event) => {
        event.dataTransfer.effectAllowed = "move";
        event.dataTransfer.setData("text/plain", deal.title);
        onDrag(true);
      }}
      onDragEnd={() => onDrag(false)}
      onKeyDown={keys}
    >
      <div className="deal-top">
        <Link to={places.opportunity(deal.opportunity_id)} draggable={false}>{deal.title}</Link>
        {mayMove && (
          <Dropdown trigger={["click"]} menu={{ selectedKeys: [deal.stage_id], items: stages.map((stage) => ({ key: stage.stage_id, label: stage.name })), onClick: ({ key }) => { const stage = stages.find((each) => each.stage_id === key); if (stage) onMove(stage); } }}>
            <Button type="text" size="small" icon={<DownOutlined />} aria-label={`${deal.title}: ${t("move")}`} />
          </Dropdown>
        )}
      </div>
      {deal.customer_id && <div className="quiet clip"><CustomerName id={deal.customer_id} /></div>}
      <div className="deal-line">
        <strong><Money of={deal.amount} /></strong>
        <DaysInStage deal={deal} />
      </div>
      <div className="deal-line deal-small">
        <StepLine step={deal.next_step} on={deal.next_step_on} open />
        <span className="quiet"><PersonName id={deal.owner_id} /></span>
      </div>
    </article>
  );
}
