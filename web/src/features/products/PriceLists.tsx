/** Price lists: for everybody, or for the dealers they name. */
import { DeleteOutlined, EditOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Form, Input, Select } from "antd";
import { useState } from "react";
import type { Answer, Body } from "@/api/client";
import { useAsk, useTell } from "@/api/hooks";
import { useSession } from "@/app/session";
import { useFormats, type Amount } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { CustomerName } from "@/ui/customers";
import { CustomerSelect } from "@/ui/CustomerSelect";
import { DayInput } from "@/ui/DayInput";
import { Money } from "@/ui/Money";
import { MoneyInput } from "@/ui/MoneyInput";
import { Page, Section } from "@/ui/Page";
import { Answered, Notice } from "@/ui/states";
import { Tag } from "@/ui/Tag";
import { ProductSelect } from "./ProductSelect";
import { productWords } from "./words";

type PriceList = Answer<"/v1/price-lists">["price_lists"][number];

export default function PriceLists() {
  const t = useWords(productWords);
  const { may } = useSession();
  const [open, setOpen] = useState<PriceList | "new">();
  const lists = useAsk("/v1/price-lists", {}, { live: ["pipeline"] });
  const create = may("pipeline.price-list.create") && <Button type="primary" icon={<PlusOutlined />} onClick={() => setOpen("new")}>{t("new_list")}</Button>;
  return (
    <Page title={t("price_lists")} above={{ to: "/products", label: t("products") }} note={t("holds_for")} actions={create}>
      <Answered of={lists}>
        {(data) =>
          data.price_lists.length ? (
            <div className="grid">
              {data.price_lists.map((list) => (
                <div key={list.price_list_id} className="grid-half">
                  <One list={list} {...(may("pipeline.price-list.create") ? { onEdit: () => setOpen(list) } : {})} />
                </div>
              ))}
            </div>
          ) : (
            <Section><Notice title={t("no_lists")} text={t("no_lists_text")} action={create} /></Section>
          )
        }
      </Answered>
      {open && <ListDialog list={open === "new" ? undefined : open} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}

function One({ list, onEdit }: { list: PriceList; onEdit?: () => void }) {
  const t = useWords(productWords);
  const f = useFormats();
  return (
    <Section title={<>{list.name} <Tag tone={list.kind === "PRICE_LIST_KIND_DEALER" ? "brand" : "dull"}>{t(list.kind)}</Tag></>} extra={onEdit && <Button type="text" size="small" icon={<EditOutlined />} aria-label={`${list.name}: ${t("edit")}`} onClick={onEdit} />}>
      <p className="quiet">
        {list.currency_code} · {t("version", { version: list.version })} · {[f.day(list.valid_from), f.day(list.valid_until) || t("always")].filter(Boolean).join(" – ")}
      </p>
      {list.customer_ids.length > 0 && <p className="row gap-above">{list.customer_ids.map((id) => <Tag key={id}><CustomerName id={id} link /></Tag>)}</p>}
      <dl className="facts gap-above">
        {list.entries.map((entry) => (
          <div key={entry.product_id}><dt><ProductName id={entry.product_id} /></dt><dd><Money of={entry.unit_price} /></dd></div>
        ))}
      </dl>
    </Section>
  );
}

function ProductName({ id }: { id: string }) {
  const asked = useAsk("/v1/products/{product_id}", { path: { product_id: id } }, { freshMs: 300_000 });
  return <>{asked.data?.product?.name ?? id.slice(0, 8)}</>;
}

interface Values {
  name: string;
  kind: PriceList["kind"];
  customer_ids?: (string | undefined)[];
  valid_from?: string;
  valid_until?: string;
  entries: { product_id: string; unit_price?: Amount }[];
}

function ListDialog({ list, onClose }: { list: PriceList | undefined; onClose: () => void }) {
  const t = useWords(productWords);
  const define = useTell("/v1/price-lists", { touches: ["pipeline"] });
  const [form] = Form.useForm<Values>();
  const kind = Form.useWatch("kind", form) ?? list?.kind;
  return (
    <CommandDialog<Values>
      form={form}
      name={`price-list:${list?.price_list_id ?? "new"}`}
      title={list?.name ?? t("new_list")}
      width={640}
      initial={list ? { ...list, entries: list.entries.map((each) => ({ product_id: each.product_id, ...(each.unit_price ? { unit_price: each.unit_price } : {}) })) } : { kind: "PRICE_LIST_KIND_STANDARD", entries: [{ product_id: "" }], customer_ids: [""] }}
      onClose={onClose}
      fieldOf={(violated) => violated.replace(/^price_list\./, "").replace(/\[(\d+)\]/g, ".$1")}
      submit={(values, requestId) => {
        const { customer_ids = [], entries, ...rest } = values;
        const price_list = {
          ...rest,
          price_list_id: list?.price_list_id ?? "",
          currency_code: entries[0]?.unit_price?.currency_code ?? list?.currency_code ?? "CNY",
          customer_ids: values.kind === "PRICE_LIST_KIND_DEALER" ? customer_ids.filter((id): id is string => Boolean(id)) : [],
          entries,
        };
        return define.mutateAsync({ body: { price_list } as Body<"/v1/price-lists">, requestId });
      }}
    >
      <div className="form-pair">
        <Form.Item name="name" label={t("name")} rules={[{ required: true, whitespace: true }]}><Input maxLength={100} /></Form.Item>
        <Form.Item name="kind" label={t("kind")}><Select options={(["PRICE_LIST_KIND_STANDARD", "PRICE_LIST_KIND_DEALER"] as const).map((value) => ({ value, label: t(value) }))} /></Form.Item>
        <Form.Item name="valid_from" label={t("valid_from")}><DayInput /></Form.Item>
        <Form.Item name="valid_until" label={t("valid_until")}><DayInput /></Form.Item>
      </div>
      {kind === "PRICE_LIST_KIND_DEALER" && (
        <Form.List name="customer_ids">
          {(fields, { add, remove }) => (
            <div className="gap-below">
              <p>{t("dealers")}</p>
              {fields.map((field) => (
                <div key={field.key} className="row gap-above" style={{ flexWrap: "nowrap" }}>
                  <div className="spread"><Form.Item name={field.name} noStyle><CustomerSelect /></Form.Item></div>
                  <Button type="text" icon={<DeleteOutlined />} aria-label={t("remove")} onClick={() => remove(field.name)} />
                </div>
              ))}
              <Button type="dashed" className="gap-above" icon={<PlusOutlined />} onClick={() => add("")}>{t("dealer")}</Button>
            </div>
          )}
        </Form.List>
      )}
      <Form.List name="entries">
        {(fields, { add, remove }) => (
          <div className="gap-below">
            <p>{t("entries")}</p>
            {fields.map((field) => (
              <div key={field.key} className="row gap-above" style={{ flexWrap: "nowrap", alignItems: "flex-start" }}>
                <div className="spread" style={{ minWidth: 0 }}>
                  <Form.Item name={[field.name, "product_id"]} rules={[{ required: true }]} style={{ marginBottom: 0 }}><ProductSelect /></Form.Item>
                </div>
                <div style={{ width: 230, flex: "none" }}>
                  <Form.Item name={[field.name, "unit_price"]} rules={[{ required: true }]} style={{ marginBottom: 0 }}><MoneyInput /></Form.Item>
                </div>
                <Button type="text" icon={<DeleteOutlined />} aria-label={t("remove")} onClick={() => remove(field.name)} />
              </div>
            ))}
            <Button type="dashed" className="gap-above" icon={<PlusOutlined />} onClick={() => add({ product_id: "" })}>{t("add_entry")}</Button>
          </div>
        )}
      </Form.List>
    </CommandDialog>
  );
}
