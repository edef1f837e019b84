/** Conditions of a rule: shown as a sentence, edited as rows. */
import { Button, Input, Select } from "antd";
import type { Answer } from "@/api/client";
import { useWords } from "@/i18n/words";
import { adminWords } from "./words";

export type Condition = NonNullable<Answer<"/v1/scoring-rules">["rules"]>["rules"][number]["conditions"][number];
const OPERATORS = {
  RULE_OPERATOR_EQUALS: "op_equals", RULE_OPERATOR_NOT_EQUALS: "op_not_equals", RULE_OPERATOR_IN: "op_in", RULE_OPERATOR_CONTAINS: "op_contains",
  RULE_OPERATOR_PRESENT: "op_present", RULE_OPERATOR_ABSENT: "op_absent", RULE_OPERATOR_AT_LEAST: "op_at_least", RULE_OPERATOR_AT_MOST: "op_at_most",
} as const;
const plain = (operator: string) => operator === "RULE_OPERATOR_PRESENT" || operator === "RULE_OPERATOR_ABSENT";

export function Conditions({ of }: { of: readonly Condition[] }) {
  const t = useWords(adminWords);
  if (!of.length) return <span className="quiet">{t("always")}</span>;
  return <>{of.map((each, at) => <span key={at} className="tag" style={{ marginRight: 4 }}>{each.field.replaceAll("_", " ")} {t(OPERATORS[each.operator as keyof typeof OPERATORS] ?? "op_equals")} {each.values.join(", ")}</span>)}</>;
}

export function ConditionsEditor({ value, onChange }: { value: readonly Condition[]; onChange: (next: Condition[]) => void }) {
  const t = useWords(adminWords);
  const set = (at: number, change: Partial<Condition>) => onChange(value.map((each, other) => (other === at ? { ...each, ...change } : each)));
  return (
    <div>
      {value.map((each, at) => (
        <div key={at} className="row row-tight" style={{ marginBottom: 4 }}>
          <Input size="small" value={each.field} aria-label={t("field")} placeholder="region_code" onChange={(event) => set(at, { field: event.target.value })} style={{ width: 130 }} />
          <Select size="small" value={each.operator} aria-label={t("operator")} onChange={(operator) => set(at, { operator, ...(plain(operator) ? { values: [] } : {}) })} options={(Object.keys(OPERATORS) as (keyof typeof OPERATORS)[]).map((op) => ({ value: op, label: t(OPERATORS[op]) }))} style={{ width: 110 }} />
          {!plain(each.operator) && <Select size="small" mode="tags" open={false} suffixIcon={null} value={each.values} aria-label={t("values")} onChange={(values: string[]) => set(at, { values })} style={{ minWidth: 120, maxWidth: 220 }} tokenSeparators={[",", " "]} />}
          <Button size="small" type="text" danger aria-label={t("remove")} onClick={() => onChange(value.filter((_, other) => other !== at))}>×</Button>
        </div>
      ))}
      <Button size="small" type="link" style={{ padding: 0 }} onClick={() => onChange([...value, { field: "", operator: "RULE_OPERATOR_EQUALS", values: [] }])}>+ {t("add_condition")}</Button>
    </div>
  );
}
