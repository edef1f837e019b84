/** Choose one of the people; types to filter. Works as a control of a form. */
import { Select } from "antd";
import { useState } from "react";
import { useAsk } from "@/api/hooks";
import { useMay, useSession } from "@/app/session";
import { useWords, words } from "@/i18n/words";

const dictionary = words({ me: "Me", choose: "Choose a person" }, { me: "我", choose: "选择人员" });

export function PersonSelect({ value, onChange, placeholder, id, label }: { value?: string; onChange?: (id: string) => void; placeholder?: string; id?: string; label?: string }) {
  const t = useWords(dictionary);
  const { personId, name } = useSession();
  const may = useMay("identity.person.read");
  const [open, setOpen] = useState(false);
  const people = useAsk("/v1/people", { query: { page_size: 200 } }, { enabled: may && (open || Boolean(value)), freshMs: 300_000 });
  const others = (people.data?.people ?? []).filter((person) => !person.left && person.person_id !== personId);
  return (
    <Select
      {...(id ? { id } : { "aria-label": placeholder ?? t("choose") })}
      {...(label ? { "aria-label": label } : {})}
      value={value || null}
      onChange={(chosen) => onChange?.(chosen ?? "")}
      onOpenChange={setOpen}
      allowClear
      showSearch={{ optionFilterProp: "label" }}
      loading={people.isFetching}
      placeholder={placeholder ?? t("choose")}
      options={[{ value: personId, label: `${name} (${t("me")})` }, ...others.map((person) => ({ value: person.person_id, label: person.name }))]}
    />
  );
}
