/** Who could be the same: side by side, merged field by field. The other way is on the customer's page. */
import { App, Button } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { newId, post, type Answer } from "@/api/client";
import { askAgain, useAsk } from "@/api/hooks";
import { explain, problemWords, type Problem } from "@/api/problem";
import { places } from "@/app/places";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Page, Section } from "@/ui/Page";
import { Answered, Notice } from "@/ui/states";
import type { Whole } from "./forms";
import { CandidateLine } from "./New";
import { pageWords } from "./pageWords";

const compared = ["name", "industry_code", "region_code", "size_code", "intent_code", "credit_code", "website", "employees", "phones", "emails", "address", "remark"] as const;
const labels = { name: "name", industry_code: "industry", region_code: "region", size_code: "size", intent_code: "intent", credit_code: "credit_code", website: "website", employees: "employees", phones: "phones", emails: "emails", address: "address", remark: "remark" } as const;
const shown = (whole: Whole, key: (typeof compared)[number]): string => {
  const value = whole.profile?.[key];
  return Array.isArray(value) ? value.join(", ") : value === "0" ? "" : String(value ?? "");
};

export default function Duplicates() {
  const t = useWords(pageWords);
  const f = useFormats();
  const { customerId = "" } = useParams();
  const [address, setAddress] = useSearchParams();
  const other = address.get("with") ?? "";
  const edits = useMay("customer.customer.edit");
  const mine = useAsk("/v1/customers/{customer_id}", { path: { customer_id: customerId } });
  const theirs = useAsk("/v1/customers/{customer_id}", { path: { customer_id: other } }, { enabled: Boolean(other) });
  const found = useQuery<Answer<"/v1/customers:findDuplicates", "post">, Problem>({
    queryKey: ["duplicates", customerId],
    queryFn: ({ signal }) => post("/v1/customers:findDuplicates", { body: { customer_id: customerId }, signal }),
  });
  const name = mine.data?.card?.name ?? t("duplicates");
  return (
    <Page title={`${t("duplicates")}: ${name}`} above={{ to: places.customer(customerId), label: name }}>
      <div className="stack">
        <Section title={t("candidates")}>
          <Answered of={found}>
            {(data) =>
              data.candidates.length ? (
                <ul className="lines">
                  {data.candidates.map((each, i) => (
                    <li key={each.customer_id || i} className="row">
                      <div className="spread"><CandidateLine of={each} /></div>
                      <span className="quiet">{t("score", { percent: f.percent(Math.min(1, each.score), 0) })}</span>
                      {each.visible && edits && <Button type={other === each.customer_id ? "primary" : "default"} onClick={() => setAddress({ with: each.customer_id }, { replace: true })}>{t("compare")}</Button>}
                    </li>
                  ))}
                </ul>
              ) : (
                <Notice quiet title={t("no_duplicates")} text={t("no_duplicates_text")} />
              )
            }
          </Answered>
        </Section>
        {other && mine.data && <Answered of={theirs}>{(data) => (mine.data ? <Merge key={other} mine={mine.data} theirs={data} /> : null)}</Answered>}
      </div>
    </Page>
  );
}

function Merge({ mine, theirs }: { mine: Whole; theirs: Whole }) {
  const t = useWords(pageWords);
  const say = useWords(problemWords);
  const client = useQueryClient();
  const navigate = useNavigate();
  const { message } = App.useApp();
  // A value that only the other one has is worth keeping.
  const [taken, setTaken] = useState<readonly string[]>(() => compared.filter((key) => !shown(mine, key) && shown(theirs, key)));
  const [busy, setBusy] = useState(false);
  const [requestId] = useState(newId);
  const rows = compared.filter((key) => shown(mine, key) || shown(theirs, key));
  const survivor = mine.card?.customer_id ?? "";
  const choose = (key: string, from: boolean) => setTaken(from ? [...taken.filter((each) => each !== key), key] : taken.filter((each) => each !== key));
  const merge = async () => {
    setBusy(true);
    try {
      const choices = rows.filter((key) => shown(mine, key) !== shown(theirs, key)).map((field) => ({ field, from_absorbed: taken.includes(field) }));
      await post("/v1/customers/{survivor_id}:merge", { path: { survivor_id: survivor }, body: { absorbed_id: theirs.card?.customer_id ?? "", choices }, requestId });
      void message.success(t("merged"));
      askAgain(client, ["customer"]);
      void navigate(places.customer(survivor));
    } catch (error) {
      const { title, detail } = explain(error, say);
      void message.error(`${title}. ${detail}`);
    } finally {
      setBusy(false);
    }
  };
  const cell = (key: (typeof compared)[number], from: boolean) => {
    const value = shown(from ? theirs : mine, key);
    const same = shown(mine, key) === shown(theirs, key);
    if (same) return <span>{value}</span>;
    return (
      <label>
        <input type="radio" name={key} checked={taken.includes(key) === from} onChange={() => choose(key, from)} />
        <span>{value || <span className="quiet">{t("empty_value")}</span>}</span>
      </label>
    );
  };
  return (
    <Section title={t("compare")}>
      <div className="scroll-x">
        <table className="conflict">
          <thead><tr><th>{t("field")}</th><th>{t("survivor")}</th><th>{t("absorbed")}</th></tr></thead>
          <tbody>{rows.map((key) => <tr key={key}><th scope="row">{t(labels[key])}</th><td>{cell(key, false)}</td><td>{cell(key, true)}</td></tr>)}</tbody>
        </table>
      </div>
      <p className="quiet gap-above gap-below">{t("merge_text")}</p>
      <Button type="primary" loading={busy} onClick={() => void merge()}>{t("merge")}</Button>
    </Section>
  );
}
