/** Start page: what is due today or was due before. */
import dayjs from "dayjs";
import { useMemo } from "react";
import { useAsk } from "@/api/hooks";
import { useSession } from "@/app/session";
import { useWords } from "@/i18n/words";
import { Answered, Notice } from "@/ui/states";
import { FollowUps } from "./FollowUps";
import { pageWords } from "./pageWords";

export default function DueModule() {
  const t = useWords(pageWords);
  const { personId } = useSession();
  const until = useMemo(() => dayjs().endOf("day").toISOString(), []);
  const asked = { owner_id: personId, due_before: until, page_size: 12 };
  const planned = useAsk("/v1/follow-ups", { query: { ...asked, state: "FOLLOW_UP_STATE_PLANNED" } }, { live: ["customer"] });
  const due = useAsk("/v1/follow-ups", { query: { ...asked, state: "FOLLOW_UP_STATE_DUE" } }, { live: ["customer"] });
  return (
    <Answered of={planned}>
      {(data) => {
        const items = [...(due.data?.follow_ups ?? []), ...data.follow_ups].sort((a, b) => (a.due_at ?? "").localeCompare(b.due_at ?? ""));
        return items.length ? <FollowUps items={items} named /> : <Notice quiet title={t("no_due")} text={t("no_due_text")} />;
      }}
    </Answered>
  );
}
