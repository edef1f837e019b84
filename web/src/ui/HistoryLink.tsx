/** The way to a record's history: what changed, why, who saw it. Shown to whoever may read it. */
import { HistoryOutlined } from "@ant-design/icons";
import { useMay } from "@/app/session";
import { useWords, words } from "@/i18n/words";
import { LinkButton } from "@/ui/LinkButton";

const dictionary = words({ history: "History" }, { history: "历史" });

export function HistoryLink({ id }: { id: string }) {
  const t = useWords(dictionary);
  if (!useMay("analytics.history.read")) return null;
  return <LinkButton to={`/audit/records/${id}`} icon={<HistoryOutlined />}>{t("history")}</LinkButton>;
}
