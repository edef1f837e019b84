/** Two people edited the same record: both values of each field that differs, and one chooses. */
import { Button, Modal } from "antd";
import { useState, type ReactNode } from "react";
import { useWords, words } from "@/i18n/words";
import type { Clash } from "./clashes";

const dictionary = words(
  { title: "Somebody changed this meanwhile", text: "Choose which value stays. Nothing is saved until you decide.", field: "Field", mine: "Yours", theirs: "Theirs", save: "Save my choice", cancel: "Go back to editing", empty: "(empty)" },
  { title: "有人同时修改了此记录", text: "请选择要保留的值，确认前不会保存任何内容。", field: "字段", mine: "您的修改", theirs: "对方的修改", save: "按所选保存", cancel: "返回编辑", empty: "（空）" },
);

interface Props {
  fields: readonly Clash[];
  show?: (key: string, value: unknown) => ReactNode;
  /** The chosen value of each field that differed. */
  onResolve: (chosen: Record<string, unknown>) => void;
  onCancel: () => void;
}

export function Conflict({ fields, show = (_, value) => String(value ?? ""), onResolve, onCancel }: Props) {
  const t = useWords(dictionary);
  const [theirs, setTheirs] = useState<readonly string[]>([]);
  const choose = (key: string, side: "mine" | "theirs") => setTheirs(side === "theirs" ? [...theirs, key] : theirs.filter((each) => each !== key));
  const option = (each: Clash, side: "mine" | "theirs") => (
    <label>
      <input type="radio" name={`clash-${each.key}`} checked={theirs.includes(each.key) === (side === "theirs")} onChange={() => choose(each.key, side)} />
      <span>{show(each.key, each[side]) || <span className="quiet">{t("empty")}</span>}</span>
    </label>
  );
  return (
    <Modal
      open
      title={t("title")}
      width={640}
      onCancel={onCancel}
      footer={[
        <Button key="back" onClick={onCancel}>{t("cancel")}</Button>,
        <Button key="save" type="primary" onClick={() => onResolve(Object.fromEntries(fields.map((each) => [each.key, theirs.includes(each.key) ? each.theirs : each.mine])))}>{t("save")}</Button>,
      ]}
    >
      <p className="quiet gap-below">{t("text")}</p>
      <table className="conflict">
        <thead>
          <tr><th>{t("field")}</th><th>{t("mine")}</th><th>{t("theirs")}</th></tr>
        </thead>
        <tbody>
          {fields.map((each) => (
            <tr key={each.key}>
              <th scope="row">{each.label}</th>
              <td>{option(each, "mine")}</td>
              <td>{option(each, "theirs")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Modal>
  );
}
