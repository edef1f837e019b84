/** The tree of a segment's rules: its builder, and how it reads as a sentence. What is allowed the server says. */
import { CloseOutlined } from "@ant-design/icons";
import { Button, InputNumber, Select } from "antd";
import { useAsk } from "@/api/hooks";
import { useFormats } from "@/i18n/format";
import { useLanguage, useWords, words } from "@/i18n/words";
import { PersonSelect } from "@/ui/PersonSelect";
import { useNames } from "./pieces";
import type { Segment } from "./terms";

/** The server's tree; the schema of a message that holds itself is not typed below the first node. */
export interface Filter {
  kind: NonNullable<Segment["filter"]>["kind"];
  filters: Filter[];
  field: Field;
  operator: Operator;
  values: string[];
  within_days: number;
}
type Field = NonNullable<Segment["filter"]>["field"];
type Operator = NonNullable<Segment["filter"]>["operator"];

const dictionary = words(
  {
    FILTER_KIND_ALL: "All of these hold", FILTER_KIND_ANY: "Any of these holds", FILTER_KIND_NONE: "None of these holds",
    SEGMENT_FIELD_UNSPECIFIED: "–", SEGMENT_FIELD_INDUSTRY: "Industry", SEGMENT_FIELD_REGION: "Region", SEGMENT_FIELD_KIND: "Company or person", SEGMENT_FIELD_LEVEL: "Level", SEGMENT_FIELD_STATUS: "Status", SEGMENT_FIELD_SIZE: "Size", SEGMENT_FIELD_SOURCE: "Source", SEGMENT_FIELD_OWNER: "Owner", SEGMENT_FIELD_TAG: "Tag", SEGMENT_FIELD_ORDER_TOTAL: "Order total (minor units)", SEGMENT_FIELD_ORDER_COUNT: "Number of orders", SEGMENT_FIELD_BOUGHT_PRODUCT: "Bought product", SEGMENT_FIELD_BOUGHT_CATEGORY: "Bought from category", SEGMENT_FIELD_SUBMITTED_FORM: "Sent form", SEGMENT_FIELD_OPENED: "Opened message of", SEGMENT_FIELD_CLICKED: "Clicked in message of", SEGMENT_FIELD_TOUCHED: "Was touched by", SEGMENT_FIELD_CONSENTS: "Consents to",
    FILTER_OPERATOR_UNSPECIFIED: "is one of", FILTER_OPERATOR_IS_ANY_OF: "is one of", FILTER_OPERATOR_STARTS_WITH: "begins with", FILTER_OPERATOR_AT_LEAST: "at least", FILTER_OPERATOR_AT_MOST: "at most",
    add_rule: "Add a rule", add_group: "Add a group", remove: "Remove", field: "Field", operator: "Comparison", values: "Values", any: "any", ever: "ever", days: "in {count} days", within: "Within days", everybody: "Everybody", and: "and", or: "or", none_of: "none of: {rules}", others: "{count} more",
    prospect: "Prospect", active: "Customer", silent: "Silent", lost: "Lost", archived: "Archived", company: "Company", person: "Person", email: "E-mail", sms: "SMS", phone: "Phone", wecom: "WeCom",
  },
  {
    FILTER_KIND_ALL: "满足以下全部", FILTER_KIND_ANY: "满足以下任一", FILTER_KIND_NONE: "不满足以下任何一项",
    SEGMENT_FIELD_UNSPECIFIED: "–", SEGMENT_FIELD_INDUSTRY: "行业", SEGMENT_FIELD_REGION: "地区", SEGMENT_FIELD_KIND: "企业或个人", SEGMENT_FIELD_LEVEL: "等级", SEGMENT_FIELD_STATUS: "状态", SEGMENT_FIELD_SIZE: "规模", SEGMENT_FIELD_SOURCE: "来源", SEGMENT_FIELD_OWNER: "负责人", SEGMENT_FIELD_TAG: "标签", SEGMENT_FIELD_ORDER_TOTAL: "订单总额（分）", SEGMENT_FIELD_ORDER_COUNT: "订单数", SEGMENT_FIELD_BOUGHT_PRODUCT: "购买过产品", SEGMENT_FIELD_BOUGHT_CATEGORY: "购买过品类", SEGMENT_FIELD_SUBMITTED_FORM: "提交过表单", SEGMENT_FIELD_OPENED: "打开过活动消息", SEGMENT_FIELD_CLICKED: "点击过活动消息", SEGMENT_FIELD_TOUCHED: "发生过触点", SEGMENT_FIELD_CONSENTS: "同意接收",
    FILTER_OPERATOR_UNSPECIFIED: "属于", FILTER_OPERATOR_IS_ANY_OF: "属于", FILTER_OPERATOR_STARTS_WITH: "开头为", FILTER_OPERATOR_AT_LEAST: "至少", FILTER_OPERATOR_AT_MOST: "至多",
    add_rule: "添加条件", add_group: "添加条件组", remove: "删除", field: "字段", operator: "比较", values: "取值", any: "任意", ever: "不限时间", days: "{count} 天内", within: "天数以内", everybody: "所有客户", and: "且", or: "或", none_of: "不满足：{rules}", others: "另有 {count} 项",
    prospect: "潜在客户", active: "成交客户", silent: "沉默客户", lost: "流失客户", archived: "已归档", company: "企业", person: "个人", email: "邮件", sms: "短信", phone: "电话", wecom: "企业微信",
  },
);
type Word = keyof typeof dictionary.en;

const fields: readonly Field[] = ["SEGMENT_FIELD_STATUS", "SEGMENT_FIELD_INDUSTRY", "SEGMENT_FIELD_REGION", "SEGMENT_FIELD_LEVEL", "SEGMENT_FIELD_SIZE", "SEGMENT_FIELD_KIND", "SEGMENT_FIELD_SOURCE", "SEGMENT_FIELD_TAG", "SEGMENT_FIELD_OWNER", "SEGMENT_FIELD_ORDER_COUNT", "SEGMENT_FIELD_ORDER_TOTAL", "SEGMENT_FIELD_BOUGHT_PRODUCT", "SEGMENT_FIELD_BOUGHT_CATEGORY", "SEGMENT_FIELD_SUBMITTED_FORM", "SEGMENT_FIELD_OPENED", "SEGMENT_FIELD_CLICKED", "SEGMENT_FIELD_TOUCHED", "SEGMENT_FIELD_CONSENTS"];
const numbers: readonly Field[] = ["SEGMENT_FIELD_ORDER_COUNT", "SEGMENT_FIELD_ORDER_TOTAL"];
const happenings: readonly Field[] = ["SEGMENT_FIELD_SUBMITTED_FORM", "SEGMENT_FIELD_OPENED", "SEGMENT_FIELD_CLICKED", "SEGMENT_FIELD_TOUCHED", "SEGMENT_FIELD_BOUGHT_PRODUCT", "SEGMENT_FIELD_BOUGHT_CATEGORY"];
/** Values with a name of their own; others may be typed. */
const known: Partial<Record<Field, readonly Word[]>> = { SEGMENT_FIELD_STATUS: ["prospect", "active", "silent", "lost", "archived"], SEGMENT_FIELD_KIND: ["company", "person"], SEGMENT_FIELD_CONSENTS: ["email", "sms", "phone", "wecom"] };
const dictionaries: Partial<Record<Field, string>> = { SEGMENT_FIELD_INDUSTRY: "industry", SEGMENT_FIELD_REGION: "region", SEGMENT_FIELD_SIZE: "size" };

export const rule = (field: Field = "SEGMENT_FIELD_STATUS"): Filter => ({ kind: "FILTER_KIND_RULE", filters: [], field, operator: numbers.includes(field) ? "FILTER_OPERATOR_AT_LEAST" : "FILTER_OPERATOR_IS_ANY_OF", values: [], within_days: 0 });
const join = (kind: Filter["kind"], filters: Filter[]): Filter => ({ kind, filters, field: "SEGMENT_FIELD_UNSPECIFIED", operator: "FILTER_OPERATOR_UNSPECIFIED", values: [], within_days: 0 });

/** Whether every rule says what it compares with, so that it makes sense to count. */
export const isComplete = (of: Filter): boolean => (of.kind === "FILTER_KIND_RULE" ? of.values.length > 0 || happenings.includes(of.field) : of.filters.every(isComplete));

/** A tree to edit: its root joins, even when the server keeps a single rule. */
export const rooted = (of: unknown): Filter => {
  const given = of as Filter | undefined;
  if (!given) return join("FILTER_KIND_ALL", [rule()]);
  return given.kind === "FILTER_KIND_RULE" ? join("FILTER_KIND_ALL", [given]) : given;
};

export function RuleTree({ of, onChange, onRemove, depth = 1 }: { of: Filter; onChange: (to: Filter) => void; onRemove?: () => void; depth?: number }) {
  const t = useWords(dictionary);
  if (of.kind === "FILTER_KIND_RULE") return <Rule of={of} onChange={onChange} {...(onRemove ? { onRemove } : {})} />;
  const put = (index: number, to: Filter | undefined) => onChange({ ...of, filters: of.filters.flatMap((each, at) => (at === index ? (to ? [to] : []) : [each])) });
  const joins = ["FILTER_KIND_ALL", "FILTER_KIND_ANY", "FILTER_KIND_NONE"] as const;
  return (
    <div className="rules">
      <div className="row">
        <Select<Filter["kind"]> aria-label={t("operator")} value={of.kind} onChange={(kind) => onChange({ ...of, kind })} options={joins.map((value) => ({ value, label: t(value) }))} style={{ minWidth: 190 }} />
        {onRemove && <Button type="text" icon={<CloseOutlined />} aria-label={t("remove")} onClick={onRemove} />}
      </div>
      <div className={`rules-group ${of.kind === "FILTER_KIND_ANY" ? "rules-group-any" : of.kind === "FILTER_KIND_NONE" ? "rules-group-none" : ""}`}>
        {of.filters.map((each, index) => (
          <RuleTree key={index} of={each} depth={depth + 1} onChange={(to) => put(index, to)} onRemove={() => put(index, undefined)} />
        ))}
        <div className="row">
          <Button size="small" onClick={() => onChange({ ...of, filters: [...of.filters, rule()] })}>{t("add_rule")}</Button>
          {depth < 7 && <Button size="small" type="text" onClick={() => onChange({ ...of, filters: [...of.filters, join("FILTER_KIND_ANY", [rule()])] })}>{t("add_group")}</Button>}
        </div>
      </div>
    </div>
  );
}

function Rule({ of, onChange, onRemove }: { of: Filter; onChange: (to: Filter) => void; onRemove?: () => void }) {
  const t = useWords(dictionary);
  const isNumber = numbers.includes(of.field);
  const operators: readonly Operator[] = isNumber ? ["FILTER_OPERATOR_AT_LEAST", "FILTER_OPERATOR_AT_MOST"] : happenings.includes(of.field) || of.field === "SEGMENT_FIELD_CONSENTS" ? ["FILTER_OPERATOR_IS_ANY_OF"] : ["FILTER_OPERATOR_IS_ANY_OF", "FILTER_OPERATOR_STARTS_WITH"];
  return (
    <div className="rule">
      <Select<Field> aria-label={t("field")} value={of.field} onChange={(field) => onChange(rule(field))} options={fields.map((value) => ({ value, label: t(value as Word) }))} showSearch={{ optionFilterProp: "label" }} popupMatchSelectWidth={false} />
      <Select<Operator> aria-label={t("operator")} value={of.operator} onChange={(operator) => onChange({ ...of, operator })} options={operators.map((value) => ({ value, label: t(value as Word) }))} />
      {isNumber ? (
        <InputNumber aria-label={t("values")} style={{ width: "100%" }} min={0} precision={0} value={of.values[0] ? Number(of.values[0]) : null} onChange={(typed) => onChange({ ...of, values: typed === null ? [] : [String(typed)] })} />
      ) : of.field === "SEGMENT_FIELD_OWNER" ? (
        <PersonSelect value={of.values[0] ?? ""} onChange={(id) => onChange({ ...of, values: id ? [id] : [] })} />
      ) : (
        <Values of={of} onChange={(values) => onChange({ ...of, values })} />
      )}
      {happenings.includes(of.field) ? <InputNumber aria-label={t("within")} min={0} max={36_500} precision={0} value={of.within_days || null} placeholder={t("ever")} suffix={t("within")} style={{ width: 170 }} onChange={(days) => onChange({ ...of, within_days: days ?? 0 })} /> : <span />}
      <Button type="text" icon={<CloseOutlined />} aria-label={t("remove")} onClick={onRemove} />
    </div>
  );
}

function Values({ of, onChange }: { of: Filter; onChange: (values: string[]) => void }) {
  const t = useWords(dictionary);
  const named = useValueNames(of.field);
  const options = [...(known[of.field] ?? []).map((value) => ({ value: value as string, label: t(value) })), ...[...named].map(([value, label]) => ({ value, label }))];
  return <Select mode={known[of.field] ? "multiple" : "tags"} aria-label={t("values")} value={of.values} onChange={onChange} options={options} showSearch={{ optionFilterProp: "label" }} placeholder={happenings.includes(of.field) ? t("any") : ""} tokenSeparators={[",", "，"]} />;
}

/** What values of a field are called: codes of dictionaries, forms, campaigns. */
function useValueNames(field: Field): ReadonlyMap<string, string> {
  const dictionaryName = dictionaries[field];
  const { language } = useLanguage();
  const codes = useAsk("/v1/customer-dictionaries/{dictionary}", { path: { dictionary: dictionaryName ?? "" } }, { enabled: Boolean(dictionaryName), freshMs: Infinity });
  const forms = useNames("forms", field === "SEGMENT_FIELD_SUBMITTED_FORM");
  const campaigns = useNames("campaigns", field === "SEGMENT_FIELD_OPENED" || field === "SEGMENT_FIELD_CLICKED");
  if (field === "SEGMENT_FIELD_SUBMITTED_FORM") return forms;
  if (field === "SEGMENT_FIELD_OPENED" || field === "SEGMENT_FIELD_CLICKED") return campaigns;
  return new Map((codes.data?.entries ?? []).map((each) => [each.code, language === "zh" ? each.label_zh : each.label_en] as const));
}

const MOST_SHOWN = 4;
/** The tree in words: "Status is one of Customer and Number of orders at least 2". */
export function useSentence(): (of: unknown) => string {
  const t = useWords(dictionary);
  const f = useFormats();
  const read = (of: Filter): string => {
    if (of.kind === "FILTER_KIND_RULE") {
      const values = of.values.slice(0, MOST_SHOWN).map((each) => (each in dictionary.en ? t(each as Word) : each.length === 36 ? each.slice(0, 8) : each));
      const more = of.values.length > MOST_SHOWN ? [t("others", { count: of.values.length - MOST_SHOWN })] : [];
      const within = of.within_days ? ` ${t("days", { count: f.number(of.within_days) })}` : "";
      return `${t(of.field as Word)} ${t(of.operator as Word)} ${[...values, ...more].join(", ") || t("any")}${within}`;
    }
    const parts = of.filters.map((each) => (each.kind !== "FILTER_KIND_RULE" && each.filters.length > 1 ? `(${read(each)})` : read(each)));
    if (of.kind === "FILTER_KIND_NONE") return t("none_of", { rules: parts.join(` ${t("or")} `) });
    return parts.join(` ${of.kind === "FILTER_KIND_ANY" ? t("or") : t("and")} `) || t("everybody");
  };
  return (of) => (of ? read(of as Filter) : t("everybody"));
}
