/** An amount, typed in the major unit of its currency. */
import { InputNumber, Select, Space } from "antd";
import { decimals, major, minor, type Amount } from "@/i18n/format";

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
