/** The button that leads to earlier moments; what is there to choose one with is loaded with the first press. */
import { HistoryOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { Button, Tooltip } from "antd";
import { lookAt, useAsOf, type Moment } from "@/api/asOf";
import { useWords, words } from "@/i18n/words";
import { useSession } from "./session";

const dictionary = words({ time: "Look at an earlier moment" }, { time: "查看历史时刻" });

/** Lists of the past are for those who see all records; the server says why. */
export const useTimeSlider = (): boolean => useSession().me.data_scope === "DATA_SCOPE_ALL";

export function useLook() {
  const client = useQueryClient();
  return (next: Moment) => {
    lookAt(next);
    void client.resetQueries({ predicate: (query) => !String(query.queryKey[0]).startsWith("/v1/me") });
  };
}

export function TimeButton() {
  const t = useWords(dictionary);
  const look = useLook();
  const { at } = useAsOf();
  if (!useTimeSlider()) return null;
  return (
    <Tooltip title={t("time")}>
      <Button type="text" icon={<HistoryOutlined />} aria-label={t("time")} aria-pressed={at !== ""} onClick={() => look(at ? { at: "", clock: "recorded" } : { at: new Date(Date.now() - 60_000).toISOString(), clock: "recorded" })} />
    </Tooltip>
  );
}
