/**
 * A list that the server filters, sorts and pages. Its question lives in the address, so that a view is a link; views
 * are kept by person: by the server where it can (`keeping`), on the device elsewhere. Table on a desktop, cards on a phone, and keys: j/k move, Enter opens, x selects, f searches.
 */
import { FilterOutlined, ReloadOutlined, SettingOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button, Checkbox, Dropdown, Input, Popover, Select, Switch, Table, type InputRef, type TableProps } from "antd";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import type { Context } from "@/api/hooks";
import type { Problem } from "@/api/problem";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { usePhone } from "./phone";
import { SaveView, type KeptView } from "./SaveView";
import { Notice, Refused, Waiting } from "./states";

const dictionary = words(
  {
    list: "List", search: "Search in this list", columns: "Columns", dense: "Compact rows", refresh: "Refresh", filters: "Filters", clear: "Clear", all: "All", views: "Views", remove: "Remove", previous: "Previous", next: "Next",
    page: "Page {page}", total: "{count} in all", total_least: "more than {count}", selected: "{count} selected", nothing: "Nothing matches", nothing_text: "Try fewer filters or another word.", any: "Any", open: "Open",
  },
  {
    list: "列表", search: "在列表中搜索", columns: "列", dense: "紧凑显示", refresh: "刷新", filters: "筛选", clear: "清除", all: "全部", views: "视图", remove: "删除", previous: "上一页", next: "下一页",
    page: "第 {page} 页", total: "共 {count} 条", total_least: "超过 {count} 条", selected: "已选 {count} 项", nothing: "没有符合条件的内容", nothing_text: "可减少筛选条件或换个关键词。", any: "不限", open: "打开",
  },
);

export interface Column<Row> {
  key: string;
  title: string;
  render: (row: Row) => ReactNode;
  width?: number;
  /** Numbers and money. */
  right?: boolean;
  /** What it shows is the link to the record, for those who have no mouse; it must hold no link itself. */
  opens?: boolean;
  /** What the server calls this order; the column can be sorted then. */
  sort?: string;
  /** Shown only when the person chose it. */
  hidden?: boolean;
}
export interface Filter {
  key: string;
  label: string;
  /** A hidden one is set by views and links only. */
  kind: "select" | "switch" | "hidden";
  options?: { value: string; label: string }[];
  multiple?: boolean;
}
export interface ListQuestion {
  search: string;
  /** Values by filter; a switch that is on is ["true"]. */
  filters: Readonly<Record<string, readonly string[]>>;
  /** "name" or "-name"; empty: the server's order. */
  sort: string;
  pageToken: string;
  pageSize: number;
}
export interface ListPage<Row> {
  rows: readonly Row[];
  next: string;
  total?: number | undefined;
  /** There are more than `total`: counting stopped there. */
  moreThanTotal?: boolean | undefined;
}
export interface BulkAction<Row> {
  key: string;
  label: string;
  run: (rows: readonly Row[], done: () => void) => void;
  danger?: boolean;
}
interface Props<Row extends object> {
  /** Names what is kept of this list by person: views, columns. */
  name: string;
  columns: readonly Column<Row>[];
  rowKey: (row: Row) => string;
  load: (question: ListQuestion, signal: AbortSignal) => Promise<ListPage<Row>>;
  live: readonly Context[];
  /** Where a row opens. */
  to?: (row: Row) => string;
  /** The row on a phone: title, meta and what can be done at once. */
  card: (row: Row) => { title: ReactNode; meta?: ReactNode; action?: ReactNode };
  filters?: readonly Filter[];
  searchable?: boolean;
  bulk?: readonly BulkAction<Row>[];
  views?: readonly { key: string; label: string; query: string }[];
  /** Where the server keeps this list's views; without it they are kept on this device. What is searched for is no part of them. */
  keeping?: { views: readonly KeptView[]; save?: (label: string, filters: ListQuestion["filters"], shared: boolean) => Promise<void> };
  empty?: { title: string; text?: string; action?: ReactNode };
  pageSize?: number;
}
interface Kept {
  dense: boolean;
  columns?: string[];
  views: { label: string; query: string }[];
}
const PAUSE_MS = 250;
const MOST_VIEWS = 20;

function useKept(name: string) {
  const { personId } = useSession();
  const key = `list:${personId}:${name}`;
  const [kept, setKept] = useState<Kept>(() => {
    try {
      return { dense: false, views: [], ...(JSON.parse(localStorage.getItem(key) ?? "{}") as Partial<Kept>) };
    } catch {
      return { dense: false, views: [] };
    }
  });
  const keep = (change: Partial<Kept>) => {
    const next = { ...kept, ...change };
    localStorage.setItem(key, JSON.stringify(next));
    setKept(next);
  };
  return [kept, keep] as const;
}

export function DataList<Row extends object>(props: Props<Row>) {
  const { name, columns, rowKey, load, live, to, card, filters = [], searchable = true, bulk = [], views = [], keeping, empty, pageSize = 50 } = props;
  const t = useWords(dictionary);
  const f = useFormats();
  const phone = usePhone();
  const navigate = useNavigate();
  const [kept, keep] = useKept(name);
  const [address, setAddress] = useSearchParams();
  const [trail, setTrail] = useState<string[]>([]); // tokens of the pages before this one
  const [selected, setSelected] = useState<string[]>([]);
  const [at, setAt] = useState(-1);
  const field = useRef<InputRef>(null);
  const [typed, setTyped] = useState(address.get("q") ?? "");

  const asked = address.toString();
  const question = useMemo<ListQuestion>(() => {
    const from = new URLSearchParams(asked);
    return {
      search: from.get("q") ?? "",
      filters: Object.fromEntries(filters.map((each) => [each.key, from.getAll(each.key)])),
      sort: from.get("sort") ?? "",
      pageToken: trail.at(-1) ?? "",
      pageSize,
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- filters are declared in place; only their keys matter
  }, [asked, trail, pageSize]);
  const change = (edit: (next: URLSearchParams) => void) => {
    const next = new URLSearchParams(address);
    edit(next);
    setTrail([]);
    setSelected([]);
    setAt(-1);
    setAddress(next, { replace: true });
  };
  useEffect(() => {
    if (typed === question.search) return;
    const timer = setTimeout(() => change((next) => (typed ? next.set("q", typed) : next.delete("q"))), PAUSE_MS);
    return () => clearTimeout(timer);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- reacts to typing only
  }, [typed]);

  const answer = useQuery<ListPage<Row>, Problem>({
    queryKey: ["list", name, question],
    queryFn: ({ signal }) => load(question, signal),
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    meta: { live },
  });
  const rows = answer.data?.rows ?? [];
  const filtered = Boolean(question.search) || Object.values(question.filters).some((values) => values.length);
  const chosen = rows.filter((row) => selected.includes(rowKey(row)));
  const shown = columns.filter((column) => (kept.columns ? kept.columns.includes(column.key) : !column.hidden));

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT|BUTTON|A)$/.test(target.tagName) || document.querySelector(".ant-modal-wrap")) return;
      const row = rows[at];
      if (event.key === "j") setAt(Math.min(at + 1, rows.length - 1));
      else if (event.key === "k") setAt(Math.max(at - 1, 0));
      else if (event.key === "Enter" && row && to) void navigate(to(row));
      else if (event.key === "x" && row && bulk.length) setSelected((was) => (was.includes(rowKey(row)) ? was.filter((each) => each !== rowKey(row)) : [...was, rowKey(row)]));
      else if (event.key === "f" && field.current) {
        event.preventDefault();
        field.current.focus();
      }
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  });
  useEffect(() => {
    document.querySelector(".list-at")?.scrollIntoView({ block: "nearest" });
  }, [at]);

  const filterFields = filters.filter((each) => each.kind !== "hidden").map((each) =>
    each.kind === "switch" ? (
      <label key={each.key} className="row row-tight">
        <Switch size="small" checked={question.filters[each.key]?.[0] === "true"} onChange={(on) => change((next) => (on ? next.set(each.key, "true") : next.delete(each.key)))} />
        {each.label}
      </label>
    ) : (
      <Select<string | string[]>
        key={each.key}
        aria-label={each.label}
        placeholder={each.label}
        allowClear
        showSearch={{ optionFilterProp: "label" }}
        {...(each.multiple ? { mode: "multiple" as const, maxTagCount: "responsive" as const } : {})}
        value={each.multiple ? [...(question.filters[each.key] ?? [])] : (question.filters[each.key]?.[0] ?? null) as string}
        options={each.options ?? []}
        style={{ minWidth: 140 }}
        popupMatchSelectWidth={false}
        onChange={(value) =>
          change((next) => {
            next.delete(each.key);
            for (const one of Array.isArray(value) ? value : value ? [value] : []) next.append(each.key, one);
          })
        }
      />
    ),
  );
  const own: KeptView[] = [
    ...(keeping?.views ?? []),
    ...kept.views.map((each) => ({ ...each, key: `own:${each.label}`, note: "", remove: async () => keep({ views: kept.views.filter((v) => v.label !== each.label) }) })),
  ];
  const offered = [{ key: "", label: t("all"), query: "", note: "" }, ...views.map((each) => ({ ...each, note: "" })), ...own];
  const hasViews = offered.length > 1;
  const tableColumns: TableProps<Row>["columns"] = shown.map((column) => ({
    key: column.key,
    title: column.title,
    ellipsis: true,
    align: column.right ? "right" : "left",
    ...(column.width ? { width: column.width } : {}),
    ...(column.right ? { className: "num" } : {}),
    ...(column.sort ? { sorter: true, sortOrder: question.sort === column.sort ? ("ascend" as const) : question.sort === `-${column.sort}` ? ("descend" as const) : null } : {}),
    render: (_: unknown, row: Row) => (column.opens && to ? <Link to={to(row)}>{column.render(row)}</Link> : column.render(row)),
  }));
  let content: ReactNode;
  if (answer.isPending) content = <div style={{ padding: 16 }}><Waiting rows={8} /></div>;
  else if (answer.error && !answer.data) content = <Refused error={answer.error} retry={() => void answer.refetch()} />;
  else if (!rows.length)
    content = filtered || !empty ? (
      <Notice title={t("nothing")} text={t("nothing_text")} action={filtered && <Button onClick={() => (setTyped(""), change((next) => [...next.keys()].forEach((key) => next.delete(key))))}>{t("clear")}</Button>} />
    ) : (
      <Notice title={empty.title} text={empty.text} action={empty.action} />
    );
  else if (phone)
    content = (
      <ul className="cards">
        {rows.map((row) => {
          const { title, meta, action } = card(row);
          const inner = (
            <>
              <div className="card-title">{title}</div>
              {meta && <div className="card-meta">{meta}</div>}
            </>
          );
          return (
            <li key={rowKey(row)} className="card-row">
              {to ? <Link to={to(row)}>{inner}</Link> : <div>{inner}</div>}
              {action && <div className="card-action">{action}</div>}
            </li>
          );
        })}
      </ul>
    );
  else
    // A table that scrolls by itself repeats its header unseen, with a checkbox that keys would reach.
    content = (
      <div className="scroll-x" tabIndex={0} role="region" aria-label={t("list")}>
      <Table<Row>
        className="list"
        style={{ minWidth: shown.reduce((sum, column) => sum + (column.width ?? 160), bulk.length ? 44 : 0) }}
        size={kept.dense ? "small" : "middle"}
        rowKey={rowKey}
        dataSource={[...rows]}
        columns={tableColumns}
        pagination={false}
        rowClassName={(_, index) => (index === at ? "list-at" : "")}
        {...(bulk.length ? { rowSelection: { selectedRowKeys: selected, onChange: (keys) => setSelected(keys.map(String)), columnWidth: 44 } } : {})}
        onRow={(row) => ({
          onClick: (event) => {
            if ((event.target as HTMLElement).closest("a,button,input,label,.ant-table-selection-column") || window.getSelection()?.toString()) return;
            if (to) void navigate(to(row));
          },
        })}
        onChange={(_, __, sorter) => {
          const by = Array.isArray(sorter) ? sorter[0] : sorter;
          const column = columns.find((each) => each.key === by?.columnKey);
          change((next) => (by?.order && column?.sort ? next.set("sort", `${by.order === "descend" ? "-" : ""}${column.sort}`) : next.delete("sort")));
        }}
      />
      </div>
    );
  return (
    <div className="section section-flush" aria-busy={answer.isFetching}>
      {hasViews && (
        <div className="list-views" role="group" aria-label={t("views")}>
          {offered.map((view) => (
            <Button key={view.key} size="small" type="text" className={asked === view.query ? "view-on" : ""} aria-pressed={asked === view.query} title={view.note || undefined} onClick={() => (setTyped(new URLSearchParams(view.query).get("q") ?? ""), setTrail([]), setSelected([]), setAddress(view.query))}>
              {view.label}
            </Button>
          ))}
        </div>
      )}
      <div className="list-tools">
        {searchable && <Input.Search ref={field} allowClear value={typed} onChange={(event) => setTyped(event.target.value)} placeholder={t("search")} aria-label={t("search")} style={{ width: phone ? "100%" : 240 }} />}
        {phone && filters.length > 0 ? (
          <Popover trigger="click" placement="bottomLeft" content={<div className="stack">{filterFields}</div>}>
            <Button icon={<FilterOutlined />}>{t("filters")}</Button>
          </Popover>
        ) : (
          filterFields
        )}
        <span className="spread" />
        {!phone && (keeping ? keeping.save && Object.values(question.filters).some((values) => values.length) : filtered) && (
          <SaveView
            shares={Boolean(keeping)}
            save={async (label, shared) => {
              if (keeping) await keeping.save?.(label, question.filters, shared);
              else keep({ views: [...kept.views.filter((v) => v.label !== label), { label, query: asked }].slice(-MOST_VIEWS) });
            }}
          />
        )}
        {!phone && (
          <>
            <Button type="text" icon={<ReloadOutlined spin={answer.isFetching} />} aria-label={t("refresh")} onClick={() => void answer.refetch()} />
            <Dropdown
              trigger={["click"]}
              popupRender={() => (
                <div className="section stack" style={{ gap: 8 }}>
                  <strong>{t("columns")}</strong>
                  <Checkbox.Group
                    value={shown.map((column) => column.key)}
                    onChange={(keys) => keep({ columns: keys.map(String) })}
                    options={columns.map((column) => ({ value: column.key, label: column.title }))}
                    style={{ flexDirection: "column", gap: 6 }}
                  />
                  <Checkbox checked={kept.dense} onChange={(event) => keep({ dense: event.target.checked })}>{t("dense")}</Checkbox>
                  {own.map((view) => (
                    <div key={view.key} className="row">
                      <span className="spread">{view.label} {view.note && <span className="quiet">{view.note}</span>}</span>
                      {view.remove && <Button size="small" type="text" aria-label={`${t("remove")}: ${view.label}`} onClick={() => (asked === view.query && setAddress(""), void view.remove?.())}>{t("remove")}</Button>}
                    </div>
                  ))}
                </div>
              )}
            >
              <Button type="text" icon={<SettingOutlined />} aria-label={t("columns")} />
            </Dropdown>
          </>
        )}
      </div>
      {chosen.length > 0 && (
        <div className="list-bulk">
          <span>{t("selected", { count: chosen.length })}</span>
          {bulk.map((action) => (
            <Button key={action.key} size="small" danger={action.danger ?? false} onClick={() => action.run(chosen, () => setSelected([]))}>
              {action.label}
            </Button>
          ))}
          <Button size="small" type="text" onClick={() => setSelected([])}>{t("clear")}</Button>
        </div>
      )}
      {content}
      {rows.length > 0 && (trail.length > 0 || answer.data?.next || answer.data?.total !== undefined) && (
        <div className="list-foot">
          {answer.data?.total !== undefined && <span>{t(answer.data.moreThanTotal ? "total_least" : "total", { count: f.number(answer.data.total) })}</span>}
          <span className="spread" />
          <Button size="small" disabled={!trail.length} onClick={() => (setTrail(trail.slice(0, -1)), setAt(-1))}>{t("previous")}</Button>
          <span>{t("page", { page: trail.length + 1 })}</span>
          <Button size="small" disabled={!answer.data?.next || answer.isPlaceholderData} onClick={() => (setTrail([...trail, answer.data?.next ?? ""]), setAt(-1))}>{t("next")}</Button>
        </div>
      )}
    </div>
  );
}
