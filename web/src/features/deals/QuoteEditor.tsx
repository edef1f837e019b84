/** A quote's positions. Prices come from the list that holds for the customer; totals are worked out by the server when it is saved. */
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Form, Input, InputNumber } from "antd";
import { useState } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { get } from "@/api/client";
import { useAsk, useTell } from "@/api/hooks";
import { Problem } from "@/api/problem";
import { places } from "@/app/places";
import { major, minor, useFormats, type Amount } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { ProductSelect } from "@/features/products/ProductSelect";
import { CommandForm } from "@/ui/CommandForm";
import { clashes, type Clash } from "@/ui/clashes";
import { Conflict } from "@/ui/Conflict";
import { CustomerName } from "@/ui/customers";
import { DayInput } from "@/ui/DayInput";
import { MoneyInput } from "@/ui/MoneyInput";
import { Page, Section } from "@/ui/Page";
import { Answered } from "@/ui/states";
import { dealWords } from "./dealWords";
import { inDays, useRefused, type Deal, type Quote } from "./show";
import "./deals.css";

interface LineDraft {
  product_id?: string;
  product_name?: string;
  quantity?: number;
  unit_price?: Amount | undefined;
  discount?: number;
}
interface Values {
  lines: LineDraft[];
  valid_until: string;
}

export default function QuoteEditor() {
  const { quoteId = "" } = useParams();
  const [address] = useSearchParams();
  const quote = useAsk("/v1/quotes/{quote_id}", { path: { quote_id: quoteId } }, { enabled: Boolean(quoteId) });
  const dealId = address.get("deal") ?? quote.data?.quote?.opportunity_id ?? "";
  const deal = useAsk("/v1/opportunities/{opportunity_id}", { path: { opportunity_id: dealId } }, { enabled: Boolean(dealId) });
  if (quoteId && !quote.data) return <Answered of={quote}>{() => null}</Answered>;
  return <Answered of={deal}>{(data) => (data.opportunity ? <Editor deal={data.opportunity} quote={quote.data?.quote} /> : null)}</Answered>;
}

const valuesOf = (quote: Quote): Values => ({
  valid_until: quote.valid_until,
  lines: quote.lines.map((line) => ({ product_id: line.product_id, product_name: line.product_name, quantity: Number(line.quantity), unit_price: line.unit_price, discount: line.discount_basis_points / 100 })),
});
const draftOf = (line: LineDraft) => ({
  product_id: line.product_id ?? "",
  product_name: line.product_name ?? "",
  quantity: String(line.quantity ?? ""),
  ...(line.unit_price?.minor_units ? { unit_price: line.unit_price } : {}),
  discount_basis_points: Math.round((line.discount ?? 0) * 100),
});

function Editor({ deal, quote }: { deal: Deal; quote: Quote | undefined }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const navigate = useNavigate();
  const refused = useRefused();
  const [form] = Form.useForm<Values>();
  const policy = useAsk("/v1/discount-policy", {}, { freshMs: 300_000 });
  const draft = useTell("/v1/quotes", { touches: ["pipeline"] });
  const revise = useTell("/v1/quotes/{quote_id}:revise", { touches: ["pipeline"] });
  const [seen] = useState(quote);
  const [conflict, setConflict] = useState<{ fields: Clash[]; version: string; mine: Values }>();
  const currency = quote?.total?.currency_code || deal.amount?.currency_code || "CNY";
  const lines = Form.useWatch("lines", form) ?? [];
  // A hint while typing; what counts is what the server answers.
  const about = lines.reduce((sum, line) => sum + (line?.unit_price?.minor_units ? major(line.unit_price) : 0) * (line?.quantity ?? 0) * (1 - (line?.discount ?? 0) / 100), 0);
  const save = async (values: Values, version: string, requestId?: string) => {
    const body = { lines: values.lines.map(draftOf), valid_until: values.valid_until };
    const same = requestId ? { requestId } : {};
    const id = quote
      ? (await revise.mutateAsync({ path: { quote_id: quote.quote_id }, body: { ...body, expected_version: version }, ...same }), quote.quote_id)
      : (await draft.mutateAsync({ body: { ...body, opportunity_id: deal.opportunity_id, currency_code: currency }, ...same })).quote_id;
    void navigate(places.quote(id));
  };
  return (
    <Page
      title={quote ? `${t("edit_quote")} ${quote.number}` : t("new_quote")}
      above={quote ? { to: places.quote(quote.quote_id), label: quote.number } : { to: places.opportunity(deal.opportunity_id), label: deal.title }}
      note={<span className="row">{deal.title} {deal.customer_id && <>· <CustomerName id={deal.customer_id} /></>}</span>}
    >
      <Section>
        <CommandForm<Values>
          form={form}
          name={quote ? `quote.edit:${quote.quote_id}:${quote.version}` : `quote.new:${deal.opportunity_id}`}
          initial={seen ? valuesOf(seen) : { lines: [{ quantity: 1 }], valid_until: inDays(30) }}
          save={t("save_draft")}
          onCancel={() => void navigate(quote ? places.quote(quote.quote_id) : places.opportunity(deal.opportunity_id))}
          fieldOf={(violated) => violated.replace(/\[(\d+)\]/g, ".$1").replace("discount_basis_points", "discount")}
          submit={async (values, requestId) => {
            try {
              await save(values, seen?.version ?? "", requestId);
            } catch (error) {
              if (error instanceof Problem && error.kind === "stale" && quote) {
                const now = (await get("/v1/quotes/{quote_id}", { path: { quote_id: quote.quote_id } })).quote;
                if (now) setConflict({ fields: clashes({ lines: t("lines"), valid_until: t("valid_until") }, values, valuesOf(now)), version: now.version, mine: values });
              }
              throw error;
            }
          }}
          extra={<span className="quiet">{about > 0 && t("estimate", { sum: f.money(minor(about, currency)) })}</span>}
        >
          <Form.List name="lines" rules={[{ validator: async (_, value: LineDraft[]) => { if (!value?.length) throw new Error(t("one_line")); } }]}>
            {(fields, { add, remove }, { errors }) => (
              <div className="gap-below">
                {fields.map((field) => (
                  <div key={field.key} className="edit-line">
                    <Form.Item name={[field.name, "product_id"]} label={t("line_product")} rules={[{ required: true }]}>
                      <ProductSelect
                        known={seen?.lines ?? []}
                        onPicked={(product, name) => {
                          form.setFieldValue(["lines", field.name, "product_name"], name);
                          form.setFieldValue(["lines", field.name, "unit_price"], undefined);
                          void get("/v1/products/{product_id}/price", { path: { product_id: product }, query: { customer_id: deal.customer_id, currency_code: currency } }).then(
                            (price) => form.setFieldValue(["lines", field.name, "unit_price"], price.unit_price),
                            refused,
                          );
                        }}
                      />
                    </Form.Item>
                    <Form.Item name={[field.name, "product_name"]} hidden>
                      <Input />
                    </Form.Item>
                    <Form.Item name={[field.name, "quantity"]} label={t("quantity")} rules={[{ required: true }]}>
                      <InputNumber min={0.0001} style={{ width: "100%" }} />
                    </Form.Item>
                    <Form.Item name={[field.name, "unit_price"]} label={t("unit_price")}>
                      <MoneyInput />
                    </Form.Item>
                    <Form.Item name={[field.name, "discount"]} label={t("discount")}>
                      <InputNumber min={0} max={100} precision={2} suffix="%" style={{ width: "100%" }} />
                    </Form.Item>
                    <Form.Item shouldUpdate noStyle>
                      {() => <LineAbout line={form.getFieldValue(["lines", field.name]) as LineDraft | undefined} currency={currency} />}
                    </Form.Item>
                    <Button type="text" icon={<DeleteOutlined />} aria-label={t("remove_line")} onClick={() => remove(field.name)} style={{ marginTop: 30 }} />
                  </div>
                ))}
                <Form.ErrorList errors={errors} />
                <Button type="dashed" className="gap-above" icon={<PlusOutlined />} onClick={() => add({ quantity: 1 })}>{t("add_line")}</Button>
              </div>
            )}
          </Form.List>
          <Form.Item name="valid_until" label={t("valid_until")} rules={[{ required: true }]} style={{ maxWidth: 220 }} {...(policy.data ? { extra: t("limit_hint", { limit: f.percent(policy.data.limit_basis_points / 10_000) }) } : {})}>
            <DayInput />
          </Form.Item>
        </CommandForm>
      </Section>
      {conflict && (
        <Conflict
          fields={conflict.fields}
          show={(key, value) => (key === "lines" ? (value as LineDraft[]).map((line) => `${line.quantity} × ${line.product_name} ${f.money(line.unit_price)} −${line.discount ?? 0} %`).join("; ") : f.day(String(value ?? "")))}
          onCancel={() => setConflict(undefined)}
          onResolve={(chosen) => void save({ ...conflict.mine, ...chosen } as Values, conflict.version).catch(refused)}
        />
      )}
    </Page>
  );
}

function LineAbout({ line, currency }: { line: LineDraft | undefined; currency: string }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const sum = (line?.unit_price?.minor_units ? major(line.unit_price) : 0) * (line?.quantity ?? 0) * (1 - (line?.discount ?? 0) / 100);
  return (
    <div>
      <div className="quiet" style={{ paddingBottom: 8 }}>{t("net")}</div>
      <div style={{ paddingTop: 6 }} className="num">{sum > 0 ? f.money(minor(sum, currency)) : "–"}</div>
    </div>
  );
}
