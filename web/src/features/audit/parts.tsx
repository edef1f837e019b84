/** What the audit pages share: names of the parts and events, values with names in them, and the export of pages. */
import { App, Button } from "antd";
import { Fragment, useMemo, useState } from "react";
import { useFormats } from "@/i18n/format";
import { useLanguage, useWords } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { PersonName } from "@/ui/people";
import { eventName, fieldName, reasonText, type Told } from "./names";
import { auditWords } from "./words";

export const CONTEXTS = ["customer", "pipeline", "ticketing", "marketing", "identity", "notification"] as const;
const names = new Set<string>([...CONTEXTS, "analytics"]);
type Part = (typeof CONTEXTS)[number] | "analytics";

export function useContextName(): (context: string) => string {
  const t = useWords(auditWords);
  return (context) => (names.has(context) ? t(context as Part) : context);
}

/** What happened, and to which field, in the language of the page. */
export function useNames() {
  const { language } = useLanguage();
  return useMemo(() => ({ event: (type: string) => eventName(type, language), field: (field: string) => fieldName(field, language) }), [language]);
}

const PERSON = /(person )?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/;
const ID = /([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/;
const OF_PERSON = /(owner|person|assignee|manager|actor|supervisor|approver|leader|user)(_ids?)?$/;

/** A value as the trail keeps it, with people by name. */
export function Value({ field = "", value }: { field?: string; value: string }) {
  const t = useWords(auditWords);
  if (!value) return <span className="quiet">{t("empty_value")}</span>;
  if (value === "[sealed]") return <span className="tag tag-dull">{t("sealed")}</span>;
  if (OF_PERSON.test(field) && PERSON.test(value) && value.length === 36) return <PersonName id={value} />;
  if (/customer_id$/.test(field) && value.length === 36) return <CustomerName id={value} />;
  const parts = (value.length > 300 ? `${value.slice(0, 300)}…` : value).split(ID);
  return <span style={{ overflowWrap: "anywhere" }}>{parts.map((part, at) => (at % 2 ? <code key={at} title={part}>{part.slice(0, 8)}</code> : <Fragment key={at}>{part}</Fragment>))}</span>;
}

/** A sentence in which "person <id>" is a name. */
export function Sentence({ text }: { text: string }) {
  const parts = text.split(/((?:person |人员 ?)[0-9a-f]{8}-[0-9a-f-]{27} ?|“[0-9a-f]{8}-[0-9a-f-]{27}”)/);
  return <>{parts.map((part, at) => { const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(part)?.[0]; return <Fragment key={at}>{id ? (part.startsWith("“") ? <>“<PersonName id={id} />”</> : <strong><PersonName id={id} /> </strong>) : part}</Fragment>; })}</>;
}

/** Why an undo leaves something as it is, with people by name. */
export function Why(told: Told) {
  const { language } = useLanguage();
  const f = useFormats();
  const text = reasonText(told, language, (name, value) => (name === "at" ? f.moment(value) : value));
  return <Sentence text={text.replace(/person:(?=[0-9a-f]{8}-)/g, language === "zh" ? "人员 " : "person ")} />;
}

const MOST_PAGES = 40;

/** Saves all pages of a CSV answer as one file; bounded. */
export function ExportButton({ name, page }: { name: string; page: (token: string) => Promise<{ csv: string; next_page_token?: string }> }) {
  const t = useWords(auditWords);
  const { message } = App.useApp();
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      const parts: string[] = [];
      let token = "";
      do {
        const found = await page(token);
        parts.push(found.csv);
        token = found.next_page_token ?? "";
      } while (token && parts.length < MOST_PAGES);
      save(`${name}.csv`, parts.join(""), "text/csv");
      void (token ? message.warning(t("too_many", { count: MOST_PAGES })) : message.success(t("exported", { count: parts.length })));
    } catch (error) {
      void message.error(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return <Button loading={busy} onClick={() => void run()}>{busy ? t("exporting") : t("export")}</Button>;
}

export function save(name: string, text: string, type: string): void {
  saveBlob(name, new Blob(["\ufeff", text], { type: `${type};charset=utf-8` }));
}

/** Saves what the server sent as bytes, which JSON carries in base64. */
export function saveBytes(name: string, base64: string): void {
  saveBlob(name, new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], { type: "application/octet-stream" })); // saved, never run
}

function saveBlob(name: string, blob: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const LATE_MS = 60_000;
/** Recorded after it was true: a backdated or imported fact. */
export const isLate = (event: { recorded_at?: string | undefined; effective_at?: string | undefined }): boolean => Date.parse(event.recorded_at ?? "") - Date.parse(event.effective_at ?? "") > LATE_MS;
