/** Journeys with how many people are under way. */
import { PlusOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { Link, useNavigate } from "react-router";
import { get } from "@/api/client";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { DataList } from "@/ui/DataList";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { journeyWords } from "./journeyWords";
import { Parts, State } from "./pieces";
import type { Journey } from "./terms";

const dictionary = words(
  { title: "Journeys", define: "Draw a journey", name: "Journey", state: "State", trigger: "People come in", entered: "Came in", active: "Under way", finished: "Finished", goal: "Reached the goal", owner: "Owner", empty: "No journeys yet", empty_text: "A journey writes to people step by step: send, wait, ask what they did, go one way or the other." },
  { title: "营销旅程", define: "绘制旅程", name: "旅程", state: "状态", trigger: "进入方式", entered: "累计进入", active: "进行中", finished: "已完成", goal: "达成目标", owner: "负责人", empty: "暂无旅程", empty_text: "旅程按步骤触达客户：发送、等待、判断客户行为，再走不同分支。" },
);

export default function Journeys() {
  const t = useWords(dictionary);
  const say = useWords(journeyWords);
  const f = useFormats();
  const { may } = useSession();
  const navigate = useNavigate();
  const define = may("marketing.journey.create") && <Button type="primary" icon={<PlusOutlined />} onClick={() => void navigate("/journeys/new")}>{t("define")}</Button>;
  return (
    <Page title={t("title")} actions={define} wide>
      <Parts />
      <DataList<Journey>
        name="journeys"
        searchable={false}
        live={["marketing"]}
        rowKey={(row) => row.journey_id}
        to={(row) => places.journey(row.journey_id)}
        load={async (q, signal) => {
          const found = await get("/v1/journeys", { query: { page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.journeys, next: found.next_page_token };
        }}
        columns={[
          { key: "name", title: t("name"), width: 240, render: (row) => <Link className="strong" to={places.journey(row.journey_id)}>{row.name}</Link> },
          { key: "state", title: t("state"), width: 100, render: (row) => <State of={row.state} /> },
          { key: "trigger", title: t("trigger"), width: 160, render: (row) => say(row.trigger) },
          { key: "active", title: t("active"), width: 110, right: true, render: (row) => <strong>{f.number(row.active)}</strong> },
          { key: "entered", title: t("entered"), width: 110, right: true, render: (row) => f.number(row.entered) },
          { key: "goal", title: t("goal"), width: 130, right: true, render: (row) => f.number(row.goal_reached) },
          { key: "finished", title: t("finished"), width: 110, right: true, render: (row) => f.number(row.finished) },
          { key: "owner", title: t("owner"), width: 120, render: (row) => <PersonName id={row.owner_id} /> },
        ]}
        card={(row) => ({ title: <>{row.name} <State of={row.state} /></>, meta: <><span>{t("active")} {f.number(row.active)}</span><span>{t("entered")} {f.number(row.entered)}</span></> })}
        empty={{ title: t("empty"), text: t("empty_text"), action: define }}
      />
    </Page>
  );
}
