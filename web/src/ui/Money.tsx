/** Amounts: shown in their currency, typed in its major unit. */
import { InputNumber, Select, Space } from "antd";
import { decimals, major, minor, useFormats, type Amount } from "@/i18n/format";

export function Money({ of, short = false }: { of: Amount | undefined; short?: boolean }) {
  const f = useFormats();
  return <span className="num">{f.money(of, short) || "–"}</span>;
}

/** Amounts of several currencies are listed, never added. */
export function Monies({ of, short = false }: { of: readonly Amount[] | undefined; short?: boolean }) {
  const f = useFormats();
  return <span className="num">{(of ?? []).map((each) => f.money(each, short)).join(" · ") || "–"}</span>;
}

const currencies = ["CNY", "USD", "EUR", "GBP", "HKD", "JPY", "SGD"].map((value) => ({ value, label: value }));

/** A control of a form whose value is an Amount. */
export function MoneyInput({ value, onChange, id }: { value?: Amount | undefined; onChange?: (amount: Amount | undefined) => void; id?: string }) {
  const currency = value?.currency_code || "CNY";
  return (
    <Space.Compact block>
      <InputNumber
        {...(id ? { id } : {})}
        style={{ flex: 1 }}
        min={0}
        precision={decimals(currency)}
        value={value?.minor_units ? major(value) : null}
        onChange={(typed) => onChange?.(typed === null ? undefined : minor(Number(typed), currency))}
      />
      <Select aria-label="currency" style={{ width: 86 }} value={currency} options={currencies} onChange={(to) => onChange?.(value?.minor_units ? minor(major(value), to) : { minor_units: "", currency_code: to })} />
    </Space.Compact>
  );
}
