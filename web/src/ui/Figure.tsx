/** A figure that says what it is, how fresh it is, and where the records behind it are. */
import { QuestionCircleOutlined } from "@ant-design/icons";
import { Popover } from "antd";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";

const dictionary = words({ as_of: "As of {when}", definition: "Definition", records: "Show the records" }, { as_of: "数据截至 {when}", definition: "口径说明", records: "查看明细" });

interface Props {
  label: string;
  value: ReactNode;
  note?: ReactNode;
  definition?: ReactNode;
  /** When the newest fact in it was recorded. */
  asOf?: string | undefined;
  /** A list of the records behind it. */
  to?: string;
  tone?: "good" | "warn" | "bad";
}

export function Figure({ label, value, note, definition, asOf, to, tone }: Props) {
  const t = useWords(dictionary);
  const f = useFormats();
  return (
    <div className="figure">
      <div className="figure-label">
        {label}
        {definition && (
          <Popover trigger={["hover", "focus", "click"]} title={t("definition")} content={<div style={{ maxWidth: 340 }}>{definition}</div>}>
            <button type="button" aria-label={`${label}: ${t("definition")}`}>
              <QuestionCircleOutlined />
            </button>
          </Popover>
        )}
      </div>
      <div className={tone ? `figure-value ${tone}` : "figure-value"}>{to ? <Link to={to} title={t("records")}>{value}</Link> : value}</div>
      {note && <div className="figure-note">{note}</div>}
      {asOf && <div className="figure-note">{t("as_of", { when: f.moment(asOf) })}</div>}
    </div>
  );
}
