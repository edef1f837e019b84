/** Saved questions about customers; each with how many it finds now. */
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
import { Parts, State } from "./pieces";
import { useSentence } from "./rules";
import type { Segment } from "./terms";

const dictionary = words(
  { title: "Segments", define: "Define a segment", name: "Segment", members: "Customers now", filter: "Who", owner: "Owner", empty: "No segments yet", empty_text: "A segment is a question about customers, asked anew whenever it is used: by mailings, journeys and campaigns." },
  { title: "客户分群", define: "新建分群", name: "分群", members: "当前客户数", filter: "条件", owner: "负责人", empty: "暂无分群", empty_text: "分群是一组实时条件，供群发、旅程和活动使用，每次使用时重新计算。" },
);

export default function Segments() {
  const t = useWords(dictionary);
  const f = useFormats();
  const sentence = useSentence();
  const { may } = useSession();
  const navigate = useNavigate();
  const define = may("marketing.segment.create") && <Button type="primary" icon={<PlusOutlined />} onClick={() => void navigate("/segments/new")}>{t("define")}</Button>;
  return (
    <Page title={t("title")} actions={define} wide>
      <Parts />
      <DataList<Segment>
        name="segments"
        searchable={false}
        live={["marketing", "customer"]}
        rowKey={(row) => row.segment_id}
        to={(row) => places.segment(row.segment_id)}
        load={async (q, signal) => {
          const found = await get("/v1/segments", { query: { page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.segments, next: found.next_page_token };
        }}
        columns={[
          { key: "name", title: t("name"), width: 220, render: (row) => <span className="row row-tight"><Link className="strong" to={places.segment(row.segment_id)}>{row.name}</Link>{row.retired && <State of="retired" />}</span> },
          { key: "members", title: t("members"), width: 130, right: true, render: (row) => <strong>{f.number(row.members)}</strong> },
          { key: "filter", title: t("filter"), width: 460, render: (row) => <span className="quiet">{sentence(row.filter)}</span> },
          { key: "owner", title: t("owner"), width: 120, render: (row) => <PersonName id={row.owner_id} /> },
        ]}
        card={(row) => ({ title: row.name, meta: <><span>{t("members")} {f.number(row.members)}</span><span>{sentence(row.filter)}</span></> })}
        empty={{ title: t("empty"), text: t("empty_text"), action: define }}
      />
    </Page>
  );
}
