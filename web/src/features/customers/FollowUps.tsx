/** Planned follow-ups with what can be done at once; used on the customer's page and on the start page. */
import { CheckOutlined, PhoneOutlined } from "@ant-design/icons";
import { App, Button } from "antd";
import dayjs from "dayjs";
import { Link } from "react-router";
import type { Answer } from "@/api/client";
import { useTell } from "@/api/hooks";
import { explain, problemWords } from "@/api/problem";
import { places } from "@/app/places";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Tag } from "@/ui/Tag";
import { pageWords } from "./pageWords";

export type FollowUp = Answer<"/v1/follow-ups">["follow_ups"][number];

export function FollowUps({ items, named = false, phoneOf }: { items: readonly FollowUp[]; named?: boolean; phoneOf?: (customerId: string) => string | undefined }) {
  const t = useWords(pageWords);
  const f = useFormats();
  const say = useWords(problemWords);
  const { message } = App.useApp();
  const edits = useMay("customer.customer.edit");
  const done = useTell("/v1/follow-ups/{follow_up_id}:complete", { touches: ["customer"] });
  const move = useTell("/v1/follow-ups/{follow_up_id}:move", { touches: ["customer"] });
  const failed = { onError: (error: Error) => void message.error(explain(error, say).title) };
  return (
    <ul className="todo">
      {items.map((each) => {
        const late = each.due_at && new Date(each.due_at) < new Date();
        const phone = phoneOf?.(each.customer_id);
        return (
          <li key={each.follow_up_id}>
            {edits && (
              <Button
                shape="circle"
                size="small"
                icon={<CheckOutlined />}
                aria-label={`${t("done")}: ${each.subject}`}
                loading={done.isPending && done.variables?.path.follow_up_id === each.follow_up_id}
                onClick={() => done.mutate({ path: { follow_up_id: each.follow_up_id } }, failed)}
              />
            )}
            <div className="todo-what">
              <div className="clip">{each.subject}</div>
              <div className="quiet clip">
                {named && <Link to={places.customer(each.customer_id)}>{each.customer_name}</Link>} <span title={f.moment(each.due_at)}>{f.ago(each.due_at)}</span> {late && <Tag tone="bad">{t("overdue")}</Tag>}
              </div>
            </div>
            {phone && <Button size="small" type="text" icon={<PhoneOutlined />} href={`tel:${phone}`} aria-label={t("quick_call")} />}
            {edits && (
              <Button size="small" type="text" onClick={() => move.mutate({ path: { follow_up_id: each.follow_up_id }, body: { due_at: dayjs().add(1, "day").hour(9).minute(0).second(0).toISOString() } }, failed)}>
                {t("move")}
              </Button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
