/** A name for what a list is filtered by now; shared with everybody where the server keeps views. */
import { App, Button, Checkbox, Input, Popover } from "antd";
import { useState } from "react";
import { explain, problemWords } from "@/api/problem";
import { useWords, words } from "@/i18n/words";

const dictionary = words(
  { save_view: "Save view", view_name: "Name of the view", share: "Everybody sees it", saved: "View saved" },
  { save_view: "保存视图", view_name: "视图名称", share: "所有人可见", saved: "视图已保存" },
);

/** A view that the server keeps: it follows the person to other devices, and others see it when it is shared. */
export interface KeptView {
  key: string;
  label: string;
  /** The list's address, without "?". */
  query: string;
  /** Whose it is and whether others see it, in words. */
  note: string;
  /** Throws it away; only where the person may. */
  remove?: () => Promise<void>;
}

export function SaveView({ save, shares }: { save: (label: string, shared: boolean) => Promise<void>; shares: boolean }) {
  const t = useWords(dictionary);
  const say = useWords(problemWords);
  const { message } = App.useApp();
  const [label, setLabel] = useState("");
  const [shared, setShared] = useState(false);
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    if (!label.trim() || busy) return;
    setBusy(true);
    try {
      await save(label.trim(), shared);
      void message.success(t("saved"));
      setLabel("");
      setShared(false); // private, unless one says otherwise each time
      setOpen(false);
    } catch (error) {
      const { title, detail } = explain(error, say);
      void message.error([title, detail].filter(Boolean).join(": "));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Popover
      trigger="click"
      open={open}
      onOpenChange={setOpen}
      content={
        <form className="row" onSubmit={(event) => (event.preventDefault(), void submit())}>
          <Input value={label} maxLength={40} onChange={(event) => setLabel(event.target.value)} placeholder={t("view_name")} aria-label={t("view_name")} style={{ width: 180 }} />
          {shares && <Checkbox checked={shared} onChange={(event) => setShared(event.target.checked)}>{t("share")}</Checkbox>}
          <Button htmlType="submit" type="primary" loading={busy}>{t("save_view")}</Button>
        </form>
      }
    >
      <Button type="text">{t("save_view")}</Button>
    </Popover>
  );
}
