/** Leads from a CSV file: columns matched, looked at, sent in parts that may be repeated, and taken back if wrong. */
import { InboxOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { Alert, App, Button, Progress, Select } from "antd";
import { useState } from "react";
import { LONG_MS, post, type Answer } from "@/api/client";
import { askAgain, useTell } from "@/api/hooks";
import { explain, problemWords } from "@/api/problem";
import { useSession } from "@/app/session";
import { useWords } from "@/i18n/words";
import { Figure } from "@/ui/Figure";
import { Page, Section } from "@/ui/Page";
import { idOf, rowsOf, type Table } from "@/ui/csv";
import { leadWords } from "./leadWords";
import "./leads.css";

type Field = "external_ref" | "person_name" | "company" | "phone" | "email" | "region_code" | "industry_code" | "source_channel" | "product_interest" | "note";
const FIELDS: readonly Field[] = ["external_ref", "person_name", "company", "phone", "email", "region_code", "industry_code", "source_channel", "product_interest", "note"];
/** What headers are called, in lower case; the field's own name counts too. */
const NAMES: Record<Field, readonly string[]> = {
  external_ref: ["id", "number", "no", "编号", "序号", "外部编号"],
  person_name: ["name", "contact", "person", "姓名", "联系人"],
  company: ["company", "organisation", "organization", "公司", "企业", "单位"],
  phone: ["phone", "mobile", "tel", "telephone", "电话", "手机", "手机号"],
  email: ["email", "e-mail", "mail", "邮箱", "电子邮件"],
  region_code: ["region", "地区", "区域", "省份"],
  industry_code: ["industry", "行业"],
  source_channel: ["channel", "source", "渠道", "来源"],
  product_interest: ["product", "interest", "产品", "感兴趣的产品"],
  note: ["note", "message", "remark", "备注", "留言"],
};
const PART = 200;
const MOST_ROWS = 20_000;
const PREVIEWED = 8;
const MOST_BYTES = 20 * 1024 * 1024;

type Outcome = Answer<"/v1/leads:import", "post">["results"][number];
type OnDuplicate = "ON_DUPLICATE_SKIP" | "ON_DUPLICATE_OVERWRITE" | "ON_DUPLICATE_MERGE";

export default function ImportLeads() {
  const t = useWords(leadWords);
  const say = useWords(problemWords);
  const client = useQueryClient();
  const { may } = useSession();
  const { message } = App.useApp();
  const [table, setTable] = useState<Table>();
  const [importId, setImportId] = useState("");
  const [meaning, setMeaning] = useState<(Field | "")[]>([]);
  const [onDuplicate, setOnDuplicate] = useState<OnDuplicate>("ON_DUPLICATE_SKIP");
  const [wrong, setWrong] = useState("");
  const [sending, setSending] = useState(false);
  const [results, setResults] = useState<readonly Outcome[]>();
  const label: Record<Field, string> = { external_ref: t("external_ref"), person_name: t("name"), company: t("company"), phone: t("phone"), email: t("email"), region_code: t("region"), industry_code: t("industry"), source_channel: t("channel"), product_interest: t("interest"), note: t("message") };
  const revert = useTell("/v1/pipeline-imports/{import_id}:revert", {
    touches: ["pipeline"],
    onDone: (answer) => void message.success([t("undone", { count: answer.taken_back }), answer.kept.length ? t("kept_things", { count: answer.kept.length }) : ""].filter(Boolean).join("; ")),
  });
  const choose = async (file: File | undefined) => {
    if (!file) return;
    setWrong("");
    setResults(undefined);
    const text = file.size <= MOST_BYTES ? await file.text() : "";
    const read = rowsOf(text);
    if (!read.header.length || !read.rows.length) return setWrong(t("not_csv"));
    if (read.rows.length > MOST_ROWS) return setWrong(t("too_many", { most: MOST_ROWS }));
    const taken = new Set<Field>();
    setMeaning(
      read.header.map((title) => {
        const name = title.trim().toLowerCase();
        const field = FIELDS.find((each) => !taken.has(each) && (each === name || NAMES[each].includes(name)));
        if (field) taken.add(field);
        return field ?? "";
      }),
    );
    setTable(read);
    setImportId(await idOf(text));
  };
  const draft = (row: readonly string[]) => Object.fromEntries(meaning.flatMap((field, column) => (field ? [[field, (row[column] ?? "").trim()]] : [])));
  const start = async () => {
    if (!table) return;
    setSending(true);
    setWrong("");
    const all: Outcome[] = [];
    setResults([]);
    try {
      for (let from = 0; from < table.rows.length; from += PART) {
        const rows = table.rows.slice(from, from + PART).map((row) => ({ lead: { source_channel: "import", ...draft(row) } }));
        const answer = await post("/v1/leads:import", { body: { import_id: importId, rows, on_duplicate: onDuplicate }, limitMs: LONG_MS });
        all.push(...answer.results);
        setResults([...all]);
      }
    } catch (error) {
      const { title, detail } = explain(error, say);
      setWrong(`${detail || title} ${t("stopped", { done: all.length })}`);
    } finally {
      setSending(false);
      askAgain(client, ["pipeline"]);
    }
  };
  const count = (outcome: Outcome["outcome"]) => (results ?? []).filter((each) => each.outcome === outcome).length;
  const refusedRows = (results ?? []).map((each, index) => ({ ...each, index })).filter((each) => each.outcome === "ROW_OUTCOME_REFUSED");
  const finished = Boolean(results && table && !sending);
  return (
    <Page title={t("import_title")} above={{ to: "/leads", label: t("leads") }} note={t("import_text")}>
      <div className="stack">
        {wrong && <Alert type="error" showIcon role="alert" title={wrong} />}
        {!table && (
          <label
            className="import-drop"
            onDragOver={(event) => event.preventDefault()}
            onDrop={(event) => {
              event.preventDefault();
              void choose(event.dataTransfer.files[0]);
            }}
          >
            <InboxOutlined style={{ fontSize: 30 }} className="quiet" />
            <p className="strong">{t("choose_file")}</p>
            <p className="quiet">{t("or_drop")}</p>
            <input type="file" accept=".csv,text/csv" onChange={(event) => void choose(event.target.files?.[0])} />
          </label>
        )}
        {table && !results && (
          <>
            <Section title={t("mapping")} extra={t("rows_found", { count: table.rows.length })}>
              <div className="import-scroll" tabIndex={0} role="group" aria-label={t("preview")}>
                <table className="import-table">
                  <thead>
                    <tr><th>{t("column")}</th><th>{t("means")}</th><th>{t("preview")}</th></tr>
                  </thead>
                  <tbody>
                    {table.header.map((title, column) => (
                      <tr key={column}>
                        <td><strong>{title}</strong></td>
                        <td>
                          <Select<Field | "">
                            aria-label={`${title}: ${t("means")}`}
                            style={{ width: 190 }}
                            value={meaning[column] ?? ""}
                            onChange={(field) => setMeaning(meaning.map((each, index) => (index === column ? field : field && each === field ? "" : each)))}
                            options={[{ value: "", label: t("ignore") }, ...FIELDS.map((value) => ({ value, label: label[value] }))]}
                          />
                        </td>
                        <td className="quiet">{table.rows.slice(0, 3).map((row) => row[column]).filter(Boolean).join(" · ")}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </Section>
            <Section title={t("preview")}>
              <div className="import-scroll" tabIndex={0} role="group" aria-label={t("preview")}>
                <table className="import-table">
                  <thead><tr>{FIELDS.filter((field) => meaning.includes(field)).map((field) => <th key={field}>{label[field]}</th>)}</tr></thead>
                  <tbody>
                    {table.rows.slice(0, PREVIEWED).map((row, index) => {
                      const values = draft(row);
                      return <tr key={index}>{FIELDS.filter((field) => meaning.includes(field)).map((field) => <td key={field}>{values[field]}</td>)}</tr>;
                    })}
                  </tbody>
                </table>
              </div>
            </Section>
            <Section>
              <div className="row">
                <label className="row row-tight">
                  {t("on_duplicate")}
                  <Select<OnDuplicate> value={onDuplicate} onChange={setOnDuplicate} style={{ width: 190 }} options={[{ value: "ON_DUPLICATE_SKIP", label: t("skip") }, { value: "ON_DUPLICATE_MERGE", label: t("merge") }, { value: "ON_DUPLICATE_OVERWRITE", label: t("overwrite") }]} />
                </label>
                <span className="spread" />
                {!meaning.includes("external_ref") && <span className="warn">{t("no_ref")}</span>}
                <Button onClick={() => setTable(undefined)}>{t("again")}</Button>
                <Button type="primary" disabled={!meaning.includes("external_ref")} onClick={() => void start()}>{t("start", { count: table.rows.length })}</Button>
              </div>
            </Section>
          </>
        )}
        {table && results && (
          <>
            <Section title={t("result")} extra={t("progress", { done: results.length, count: table.rows.length })}>
              {sending && <Progress percent={Math.round((100 * results.length) / table.rows.length)} status="active" aria-label={t("result")} />}
              <div className="figures" role="status">
                <Figure label={t("created")} value={count("ROW_OUTCOME_CREATED")} tone="good" />
                <Figure label={t("skipped")} value={count("ROW_OUTCOME_SKIPPED")} />
                <Figure label={t("merged")} value={count("ROW_OUTCOME_MERGED")} />
                <Figure label={t("overwritten")} value={count("ROW_OUTCOME_OVERWRITTEN")} />
                <Figure label={t("refused")} value={refusedRows.length} {...(refusedRows.length ? { tone: "bad" as const } : {})} />
              </div>
              {finished && (
                <div className="row gap-above">
                  <Button onClick={() => { setTable(undefined); setResults(undefined); }}>{t("again")}</Button>
                  {may("pipeline.import.admin") && <Button danger loading={revert.isPending} onClick={() => revert.mutate({ path: { import_id: importId } }, { onError: (problem) => void message.error(problem.detail) })}>{t("undo_import")}</Button>}
                </div>
              )}
            </Section>
            {refusedRows.length > 0 && (
              <Section title={t("refused")}>
                <table className="import-table">
                  <thead><tr><th>{t("row")}</th><th>{t("external_ref")}</th><th>{t("problem")}</th></tr></thead>
                  <tbody>
                    {refusedRows.map((each) => (
                      <tr key={each.index}><td className="num">{each.index + 2}</td><td>{each.external_ref}</td><td>{each.field && <strong>{each.field} </strong>}{each.message}</td></tr>
                    ))}
                  </tbody>
                </table>
              </Section>
            )}
          </>
        )}
      </div>
    </Page>
  );
}
