/** Choose a customer; the server searches. Works as a control of a form. */
import { Select } from "antd";
import { useEffect, useState } from "react";
import { useAsk } from "@/api/hooks";
import { useWords, words } from "@/i18n/words";
import { useCustomerName } from "./customers";

const dictionary = words({ choose: "Search for a customer", type: "Type a name or a phone number" }, { choose: "搜索客户", type: "输入名称或电话" });
const PAUSE_MS = 250;

export function CustomerSelect({ value, onChange, id, placeholder, label }: { value?: string; onChange?: (id: string) => void; id?: string; placeholder?: string; label?: string }) {
  const t = useWords(dictionary);
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  const chosen = useCustomerName(value);
  useEffect(() => {
    const waiting = setTimeout(() => setSearch(typed.trim()), PAUSE_MS);
    return () => clearTimeout(waiting);
  }, [typed]);
  const found = useAsk("/v1/customers", { query: { query: search, page_size: 20 } }, { keep: true });
  const options = (found.data?.customers ?? []).map((each) => ({ value: each.customer_id, label: each.name }));
  if (value && !options.some((each) => each.value === value)) options.unshift({ value, label: chosen || value.slice(0, 8) });
  return (
    <Select
      {...(id ? { id } : { "aria-label": placeholder ?? t("choose") })}
      {...(label ? { "aria-label": label } : {})}
      value={value || null}
      allowClear
      showSearch={{ filterOption: false, onSearch: setTyped }}
      loading={found.isFetching}
      notFoundContent={t("type")}
      placeholder={placeholder ?? t("choose")}
      options={options}
      onChange={(to) => onChange?.(to ?? "")}
    />
  );
}
