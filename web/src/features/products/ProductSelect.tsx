/** Products by name or article number; the server searches. Works as a control of a form. */
import { Select } from "antd";
import { useEffect, useState } from "react";
import { useAsk } from "@/api/hooks";

const PAUSE_MS = 250;
interface Props {
  value?: string;
  onChange?: (id: string) => void;
  onPicked?: (id: string, name: string) => void;
  /** Those that may be chosen already, also when they are not sold any more. */
  known?: readonly { product_id: string; product_name: string }[];
  id?: string;
}

export function ProductSelect({ value, onChange, onPicked, known = [], id }: Props) {
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  useEffect(() => {
    const waiting = setTimeout(() => setSearch(typed.trim()), PAUSE_MS);
    return () => clearTimeout(waiting);
  }, [typed]);
  const found = useAsk("/v1/products", { query: { search, page_size: 30 } }, { keep: true });
  const before = useAsk("/v1/products/{product_id}", { path: { product_id: value ?? "" } }, { enabled: Boolean(value) && !known.length, freshMs: 300_000 });
  const options = (found.data?.products ?? []).map((each) => ({ value: each.product_id, label: `${each.name} · ${each.sku}`, name: each.name }));
  const name = known.find((each) => each.product_id === value)?.product_name ?? before.data?.product?.name;
  if (value && name && !options.some((each) => each.value === value)) options.unshift({ value, label: name, name });
  return (
    <Select
      {...(id ? { id } : {})}
      value={value || null}
      showSearch={{ filterOption: false, onSearch: setTyped }}
      loading={found.isFetching}
      options={options}
      onChange={(picked: string | null) => {
        if (!picked) return;
        onChange?.(picked);
        onPicked?.(picked, options.find((each) => each.value === picked)?.name ?? "");
      }}
    />
  );
}
