/** Importing customers: a file, what its columns are, what would become of each row, and then the import with its progress. */
import { App, Alert, Button, Input, Progress, Select, Steps, Upload } from "antd";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router";
import { useQueryClient } from "@tanstack/react-query";
import { LONG_MS, newId, post, type Answer, type Body } from "@/api/client";
import { askAgain, useAsk } from "@/api/hooks";
import { explain, Problem, problemWords } from "@/api/problem";
import { useFormats } from "@/i18n/format";
import { useLanguage, useWords } from "@/i18n/words";
import { idOf, rowsOf, type Table } from "@/ui/csv";
import { LinkButton } from "@/ui/LinkButton";
import { Page, Section } from "@/ui/Page";
import { Answered } from "@/ui/states";
import { Tag } from "@/ui/Tag";
import { pageWords } from "./pageWords";
import { rowOf, suggest, type Field } from "./importRows";

type Row = NonNullable<NonNullable<Body<"/v1/customers:import">>["rows"]>[number];
type Result = Answer<"/v1/customers:import", "post">["results"][number];
const BATCH = 100;
const MOST_ROWS = 20_000;
const SHOWN = 100;
const policies = ["SKIP", "MERGE", "OVERWRITE", "CREATE_ANYWAY"] as const;
type Policy = (typeof policies)[number];

export default function Import() {
  const t = useWords(pageWords);
  const template = useAsk("/v1/customer-import-template", {}, { freshMs: 3_600_000 });
  return (
    <Page title={t("imp_title")} above={{ to: "/customers", label: t("back") }}>
      <Answered of={template}>{(data) => <Wizard fields={data.columns} csv={data.csv} />}</Answered>
    </Page>
  );
}

function Wizard({ fields, csv }: { fields: readonly Field[]; csv: string }) {
  const t = useWords(pageWords);
  const { language } = useLanguage();
  const f = useFormats();
  const say = useWords(problemWords);
  const client = useQueryClient();
  const { message } = App.useApp();
  const [table, setTable] = useState<Table>();
  const [importId, setImportId] = useState("");
  const [mapping, setMapping] = useState<readonly string[]>([]);
  const [policy, setPolicy] = useState<Policy>("SKIP");
  const [step, setStep] = useState(0);
  const [done, setDone] = useState(0);
  const [results, setResults] = useState<readonly Result[]>([]);
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const labelOf = (field: Field) => (language === "zh" ? field.label_zh : field.label_en);

  const take = async (text: string) => {
    const read = rowsOf(text);
    if (!read.rows.length) return;
    if (read.rows.length > MOST_ROWS) {
      void message.error(t("imp_large", { count: f.number(MOST_ROWS) }));
      return;
    }
    setTable(read);
    setImportId(await idOf(text)); // the same file again is the same import: nothing is doubled
    setMapping(read.header.map((name) => suggest(name, fields)));
    setResults([]);
    setStep(1);
  };
  const rows = useMemo<Row[]>(() => table?.rows.map((cells, i) => rowOf(cells, mapping, `${importId.slice(0, 13)}-${i + 1}`) as Row) ?? [], [table, mapping, importId]);
  const lacking = fields.filter((field) => field.required && field.field !== "external_ref" && !mapping.includes(field.field));

  const run = async (validate: boolean) => {
    setBusy(true);
    setProblem(undefined);
    setDone(0);
    setResults([]);
    setStep(validate ? 2 : 3);
    const stopped = new AbortController();
    running.current = stopped;
    const all: Result[] = [];
    try {
      for (let from = 0; from < rows.length; from += BATCH) {
        const answer = await post("/v1/customers:import", {
          body: { import_id: importId, rows: rows.slice(from, from + BATCH), policy: `DUPLICATE_POLICY_${policy}`, validate_only: validate, keep_unreadable_phones: false },
          requestId: newId(),
          limitMs: LONG_MS,
          signal: stopped.signal,
        });
        all.push(...answer.results);
        setResults([...all]);
        setDone(Math.min(from + BATCH, rows.length));
      }
      if (!validate) askAgain(client, ["customer"]);
    } catch (error) {
      if (!stopped.signal.aborted) setProblem(error instanceof Problem ? error : new Problem("other", String(error)));
    } finally {
      setBusy(false);
    }
  };
  const revert = async () => {
    setBusy(true);
    try {
      let taken = 0;
      for (let round = 0; round < MOST_ROWS / BATCH; round += 1) {
        const answer = await post("/v1/customer-imports/{import_id}:revert", { path: { import_id: importId }, limitMs: LONG_MS, requestId: newId() });
        taken += answer.archived + answer.restored;
        if (!answer.remaining) break;
      }
      void message.success(t("imp_reverted", { count: taken }));
      askAgain(client, ["customer"]);
      setStep(0);
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem("other", String(error)));
    } finally {
      setBusy(false);
    }
  };
  const download = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([Uint8Array.from(atob(csv), (c) => c.charCodeAt(0))], { type: "text/csv" }));
    link.download = "customers.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  const refused = results.filter((each) => each.problems.some((one) => one.fatal));
  const doubled = results.filter((each) => each.candidates.length > 0);
  const shown = problem && explain(problem, say);
  return (
    <div className="stack">
      <Steps size="small" current={step} items={(["imp_step_file", "imp_step_map", "imp_step_check", "imp_step_run"] as const).map((key) => ({ title: t(key) }))} />
      {shown && <Alert type="error" showIcon role="alert" title={shown.title} description={[shown.detail, done > 0 && step === 3 ? t("imp_stopped", { done }) : ""].filter(Boolean).join(" ")} />}
      {step === 0 && (
        <Section>
          <Upload.Dragger accept=".csv,.txt,.tsv,text/csv" showUploadList={false} beforeUpload={(file) => (void file.text().then(take), false)}>
            <p className="strong" style={{ padding: 24 }}>{t("imp_drop")}</p>
          </Upload.Dragger>
          <Input.TextArea className="gap-above" rows={4} placeholder={t("imp_paste")} aria-label={t("imp_paste")} onPaste={(event) => void take(event.clipboardData.getData("text"))} />
          <div className="gap-above"><Button onClick={download}>{t("imp_template")}</Button></div>
        </Section>
      )}
      {step === 1 && table && (
        <Section title={t("imp_map")}>
          <div className="scroll-x">
            <table className="conflict">
              <thead><tr><th>{t("imp_column")}</th><th>{t("imp_field")}</th><th>{t("imp_example")}</th></tr></thead>
              <tbody>
                {table.header.map((name, i) => (
                  <tr key={i}>
                    <th scope="row">{name}</th>
                    <td>
                      <Select
                        aria-label={`${t("imp_field")}: ${name}`}
                        style={{ width: 220 }}
                        showSearch={{ optionFilterProp: "label" }}
                        value={mapping[i] ?? ""}
                        onChange={(to) => setMapping(table.header.map((_, at) => (at === i ? to : mapping[at] === to && to ? "" : (mapping[at] ?? ""))))}
                        options={[{ value: "", label: t("imp_skip") }, ...fields.map((field) => ({ value: field.field, label: labelOf(field) + (field.required ? " *" : "") }))]}
                      />
                    </td>
                    <td className="quiet">{table.rows.slice(0, 3).map((cells) => cells[i]).filter(Boolean).join(" · ")}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <div className="row gap-above">
            <label htmlFor="policy">{t("imp_policy")}</label>
            <Select<Policy> id="policy" value={policy} onChange={setPolicy} style={{ width: 220 }} options={policies.map((value) => ({ value, label: t(`POLICY_${value}`) }))} />
          </div>
          {lacking.length > 0 && <p className="warn gap-above">{t("imp_needs", { fields: f.list(lacking.map(labelOf)) })}</p>}
          <div className="row gap-above">
            <Button type="primary" disabled={lacking.length > 0} onClick={() => void run(true)}>{t("imp_check", { count: f.number(rows.length) })}</Button>
            <Button onClick={() => setStep(0)}>{t("imp_other")}</Button>
          </div>
        </Section>
      )}
      {step >= 2 && (
        <Section title={step === 3 && !busy && !problem ? t("imp_done") : t("imp_progress", { done: f.number(done), all: f.number(rows.length) })}>
          <Progress percent={rows.length ? Math.round((done / rows.length) * 100) : 0} aria-label={t("imp_progress", { done, all: rows.length })} status={problem ? "exception" : busy ? "active" : "normal"} />
          <p className="row gap-above" role="status">
            <Tag tone="good">{f.number(results.length - refused.length)} {t("imp_good")}</Tag>
            {refused.length > 0 && <Tag tone="bad">{f.number(refused.length)} {t("imp_bad")}</Tag>}
            {doubled.length > 0 && <Tag tone="warn">{f.number(doubled.length)} {t("imp_dup")}</Tag>}
          </p>
          <ul className="lines gap-above">
            {results.map((each, i) => ({ each, i })).filter(({ each }) => each.problems.length || each.candidates.length).slice(0, SHOWN).map(({ each, i }) => (
              <li key={i} className="import-row">
                <span className="strong">{t("imp_row")} {i + 2}</span>
                <span className="spread">
                  {each.problems.map((one, at) => <span key={at} className={one.fatal ? "bad" : "quiet"}>{one.field}: {one.message} </span>)}
                  {each.candidates.filter((one) => one.visible).slice(0, 2).map((one) => <Link key={one.customer_id} to={`/customers/${one.customer_id}`} target="_blank">{one.name} </Link>)}
                </span>
              </li>
            ))}
          </ul>
          <div className="row gap-above">
            {step === 2 && <Button type="primary" loading={busy} disabled={Boolean(problem) || results.length === refused.length} onClick={() => void run(false)}>{t("imp_run", { count: f.number(rows.length - refused.length) })}</Button>}
            {step === 2 && !busy && <Button onClick={() => setStep(1)}>{t("imp_step_map")}</Button>}
            {step === 3 && !busy && <><LinkButton to="/customers" type="primary">{t("imp_see")}</LinkButton><Button danger onClick={() => void revert()}>{t("imp_revert")}</Button></>}
          </div>
        </Section>
      )}
    </div>
  );
}
