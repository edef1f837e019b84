/** Notifications of the person: newest first; opening one marks it read. */
import { Button, Drawer } from "antd";
import { useNavigate } from "react-router";
import { useAsk, useTell } from "@/api/hooks";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Answered, Notice } from "@/ui/states";
import { placeOf } from "./places";
import { shellWords } from "./words";

export default function Notices({ onClose }: { onClose: () => void }) {
  const t = useWords(shellWords);
  const f = useFormats();
  const navigate = useNavigate();
  const list = useAsk("/v1/notifications", { query: { page_size: 50 } }, { live: ["notification"] });
  const read = useTell("/v1/notifications/{message_id}:markRead", { touches: ["notification"] });
  const readAll = useTell("/v1/notifications:markAllRead", { touches: ["notification"] });
  const unread = Number(list.data?.unread ?? 0);
  return (
    <Drawer open onClose={onClose} title={t("notices")} size={420} extra={unread > 0 && <Button type="link" onClick={() => readAll.mutate({})} loading={readAll.isPending}>{t("mark_all")}</Button>}>
      <Answered of={list}>
        {(data) =>
          data.notifications.length ? (
            <ul className="notices">
              {data.notifications.map((each) => (
                <li key={each.message_id}>
                  <button
                    type="button"
                    className={each.read ? "notice-row" : "notice-row notice-unread"}
                    onClick={() => {
                      if (!each.read) read.mutate({ path: { message_id: each.message_id } });
                      onClose();
                      if (each.deep_link) void navigate(placeOf(each.deep_link));
                    }}
                  >
                    <strong>{each.title}</strong>
                    <span>{each.text}</span>
                    <small>{f.ago(each.queued_at)}</small>
                  </button>
                </li>
              ))}
            </ul>
          ) : (
            <Notice title={t("no_notices")} text={t("no_notices_text")} quiet />
          )
        }
      </Answered>
    </Drawer>
  );
}
