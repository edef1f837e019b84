/** The catalogue: what is sold, and for how much. */
import { MoreOutlined, PlusOutlined } from "@ant-design/icons";
import { AutoComplete, Button, Dropdown, Form, Input, InputNumber } from "antd";
import { useState } from "react";
import { get, type Answer } from "@/api/client";
import { useAsk, useTell } from "@/api/hooks";
import { useSession } from "@/app/session";
import { useFormats, type Amount } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { DataList } from "@/ui/DataList";
import { DayInput } from "@/ui/DayInput";
import { Money } from "@/ui/Money";
import { MoneyInput } from "@/ui/MoneyInput";
import { LinkButton } from "@/ui/LinkButton";
import { Page } from "@/ui/Page";
import { Tag } from "@/ui/Tag";
import { productWords } from "./words";

type Product = Answer<"/v1/products">["products"][number];
const touches = ["pipeline"] as const;

export default function ProductList() {
  const t = useWords(productWords);
  const f = useFormats();
  const { may } = useSession();
  const [open, setOpen] = useState<{ what: "new" | "edit" | "cost" | "withdraw"; product?: Product }>();
  const categories = useAsk("/v1/product-categories", {}, { freshMs: 300_000 });
  const unit = (product: Product) => (product.unit === "piece" ? t("piece") : product.unit);
  const mayEdit = may("pipeline.product.edit");
  const mayCost = may("pipeline.cost.edit");
  const actions = (product: Product) =>
    (mayEdit || mayCost) && !product.withdrawn ? (
      <Dropdown
        trigger={["click"]}
        menu={{
          items: [
            ...(mayEdit ? [{ key: "edit", label: t("edit") }] : []),
            ...(mayCost ? [{ key: "cost", label: t("set_cost") }] : []),
            ...(mayEdit ? [{ key: "withdraw", label: t("withdraw"), danger: true }] : []),
          ],
          onClick: ({ key }) => setOpen({ what: key as "edit" | "cost" | "withdraw", product }),
        }}
      >
        <Button type="text" size="small" icon={<MoreOutlined />} aria-label={`${product.name}: ${t("more")}`} />
      </Dropdown>
    ) : null;
  return (
    <Page
      title={t("products")}
      wide
      actions={
        <>
          <LinkButton to="/price-lists">{t("price_lists")}</LinkButton>
          {may("pipeline.product.create") && <Button type="primary" icon={<PlusOutlined />} onClick={() => setOpen({ what: "new" })}>{t("new_product")}</Button>}
        </>
      }
    >
      <DataList<Product>
        name="products"
        rowKey={(product) => product.product_id}
        live={["pipeline"]}
        filters={[
          ...(categories.data?.categories.length ? [{ key: "category", label: t("category"), kind: "select" as const, options: categories.data.categories.map((each) => ({ value: each.name, label: each.name })) }] : []),
          { key: "withdrawn", label: t("with_withdrawn"), kind: "switch" },
        ]}
        columns={[
          { key: "name", title: t("name"), render: (product) => <><strong>{product.name}</strong> {product.withdrawn && <Tag tone="dull">{t("withdrawn")}</Tag>}</> },
          { key: "sku", title: t("sku"), render: (product) => product.sku },
          { key: "category", title: t("category"), render: (product) => product.category },
          { key: "price", title: t("list_price"), right: true, render: (product) => <Money of={product.list_price} /> },
          { key: "unit", title: t("unit"), render: unit },
          { key: "tax", title: t("tax"), right: true, render: (product) => f.percent(product.tax_basis_points / 10_000) },
          ...(may("pipeline.cost.read") ? [{ key: "cost", title: t("cost"), right: true, render: (product: Product) => <Money of={product.unit_cost} /> }] : []),
          { key: "more", title: "", width: 60, render: actions },
        ]}
        card={(product) => ({ title: <>{product.name} {product.withdrawn && <Tag tone="dull">{t("withdrawn")}</Tag>}</>, meta: <><span>{product.sku}</span> <Money of={product.list_price} /> <span>/ {unit(product)}</span></>, action: actions(product) })}
        empty={{ title: t("no_products"), text: t("no_products_text") }}
        load={async (asked, signal) => {
          const found = await get("/v1/products", { query: { page_size: asked.pageSize, page_token: asked.pageToken, search: asked.search, category: asked.filters.category?.[0] ?? "", ...(asked.filters.withdrawn?.[0] ? { include_withdrawn: true } : {}) }, signal });
          return { rows: found.products, next: found.next_page_token, total: Number(found.total_size) };
        }}
      />
      {(open?.what === "new" || open?.what === "edit") && <ProductDialog product={open.product} categories={(categories.data?.categories ?? []).map((each) => each.name)} onClose={() => setOpen(undefined)} />}
      {open?.what === "cost" && open.product && <CostDialog product={open.product} onClose={() => setOpen(undefined)} />}
      {open?.what === "withdraw" && open.product && <WithdrawDialog product={open.product} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}

interface Values {
  sku?: string;
  name: string;
  category?: string;
  list_price?: Amount;
  unit?: string;
  tax: number;
}

function ProductDialog({ product, categories, onClose }: { product: Product | undefined; categories: readonly string[]; onClose: () => void }) {
  const t = useWords(productWords);
  const add = useTell("/v1/products", { touches });
  const revise = useTell("/v1/products/{product_id}:revise", { touches });
  return (
    <CommandDialog<Values>
      name={product ? `product.edit:${product.product_id}:${product.version}` : "product.new"}
      title={product ? product.name : t("new_product")}
      initial={product ? { sku: product.sku, name: product.name, category: product.category, unit: product.unit, tax: product.tax_basis_points / 100, ...(product.list_price ? { list_price: product.list_price } : {}) } : { unit: "piece", tax: 13 }}
      fieldOf={(violated) => violated.replace("tax_basis_points", "tax")}
      onClose={onClose}
      submit={({ tax, sku, ...values }, requestId) => {
        const body = { ...values, tax_basis_points: Math.round((tax ?? 0) * 100) };
        return product ? revise.mutateAsync({ path: { product_id: product.product_id }, body, requestId }) : add.mutateAsync({ body: { ...body, ...(sku ? { sku } : {}) }, requestId });
      }}
    >
      <Form.Item name="name" label={t("name")} rules={[{ required: true, whitespace: true }]}>
        <Input maxLength={200} />
      </Form.Item>
      <div className="form-pair">
        <Form.Item name="sku" label={t("sku")} rules={[{ required: !product }]}>
          <Input maxLength={100} disabled={Boolean(product)} />
        </Form.Item>
        <Form.Item name="category" label={t("category")}>
          <AutoComplete options={categories.map((value) => ({ value }))} />
        </Form.Item>
        <Form.Item name="list_price" label={t("list_price")} rules={[{ required: true }]}>
          <MoneyInput />
        </Form.Item>
        <Form.Item name="unit" label={t("unit")}>
          <Input maxLength={40} />
        </Form.Item>
        <Form.Item name="tax" label={t("tax")}>
          <InputNumber min={0} max={100} precision={2} suffix="%" style={{ width: "100%" }} />
        </Form.Item>
      </div>
    </CommandDialog>
  );
}

function CostDialog({ product, onClose }: { product: Product; onClose: () => void }) {
  const t = useWords(productWords);
  const set = useTell("/v1/products/{product_id}:setCost", { touches });
  return (
    <CommandDialog<{ unit_cost: Amount; valid_from?: string }>
      name={`product.cost:${product.product_id}`}
      title={`${t("set_cost")}: ${product.name}`}
      text={t("cost_text")}
      initial={product.unit_cost ? { unit_cost: product.unit_cost } : {}}
      onClose={onClose}
      submit={(values, requestId) => set.mutateAsync({ path: { product_id: product.product_id }, body: values, requestId })}
    >
      <Form.Item name="unit_cost" label={t("cost")} rules={[{ required: true }]}>
        <MoneyInput />
      </Form.Item>
      <Form.Item name="valid_from" label={t("from_day")}>
        <DayInput />
      </Form.Item>
    </CommandDialog>
  );
}

function WithdrawDialog({ product, onClose }: { product: Product; onClose: () => void }) {
  const t = useWords(productWords);
  const withdraw = useTell("/v1/products/{product_id}:withdraw", { touches });
  return (
    <CommandDialog<{ reason: string }> name={`product.withdraw:${product.product_id}`} title={`${t("withdraw")}: ${product.name}`} text={t("withdraw_text")} save={t("withdraw")} onClose={onClose} submit={(values, requestId) => withdraw.mutateAsync({ path: { product_id: product.product_id }, body: values, requestId })}>
      <Form.Item name="reason" label={t("reason")} rules={[{ required: true, whitespace: true, message: t("say_why") }]}>
        <Input.TextArea autoFocus autoSize={{ minRows: 2 }} maxLength={500} />
      </Form.Item>
    </CommandDialog>
  );
}
