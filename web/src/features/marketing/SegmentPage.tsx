/** A segment: its rules, how many they find while they are edited, and who that is. */
import { App, Button, Form, Input } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { get, post, type Answer, type Body } from "@/api/client";
import { askAgain, useAsk, useTell } from "@/api/hooks";
import { explain, Problem, problemWords } from "@/api/problem";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { CommandForm } from "@/ui/CommandForm";
import { clashes } from "@/ui/clashes";
import { Conflict } from "@/ui/Conflict";
import { CustomerName } from "@/ui/customers";
import { DataList } from "@/ui/DataList";
import { Page, Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Answered } from "@/ui/states";
import { State } from "./pieces";
import { isComplete, rooted, RuleTree, useSentence, type Filter } from "./rules";
import type { Segment } from "./terms";

const dictionary = words(
  { segments: "Segments", fresh: "New segment", name: "Name", rules: "Who belongs to it", save: "Save", retire: "Stop using", retire_text: "Mailings and journeys do not find it any more; what was sent stays.", cancel: "Cancel", found: "customers now", counting: "counting…", of: "What you may see; asked anew each time.", members: "Customers", customer: "Customer", owner: "Owner", industry: "Industry", region: "Region", status: "Status", export: "As a file", saved: "Saved", required: "Please fill this in", incomplete: "Complete the rules to count" },
  { segments: "客户分群", fresh: "新建分群", name: "名称", rules: "分群条件", save: "保存", retire: "停用", retire_text: "停用后群发和旅程不再使用，已发送的保留。", cancel: "取消", found: "位客户（当前）", counting: "统计中…", of: "按您的数据权限实时统计。", members: "客户名单", customer: "客户", owner: "负责人", industry: "行业", region: "地区", status: "状态", export: "导出文件", saved: "已保存", required: "请填写", incomplete: "条件填写完整后开始统计" },
);
type Given = Body<"/v1/segments">["filter"];
const PAUSE_MS = 400;

export default function SegmentPage() {
  const { segmentId = "" } = useParams();
  const fresh = segmentId === "new";
  const segment = useAsk("/v1/segments/{segment_id}", { path: { segment_id: segmentId } }, { live: ["marketing"], enabled: !fresh });
  if (fresh) return <Whole />;
  return <Answered of={segment} rows={8}>{(data) => data.segment && <Whole key={segmentId} segment={data.segment} />}</Answered>;
}

function Whole({ segment }: { segment?: Segment }) {
  const t = useWords(dictionary);
  const refusal = useWords(problemWords);
  const f = useFormats();
  const sentence = useSentence();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { may } = useSession();
  const { message, modal } = App.useApp();
  const [base, setBase] = useState(segment);
  const [filter, setFilter] = useState<Filter>(() => rooted(segment?.filter));
  const [asked, setAsked] = useState(filter);
  const [clash, setClash] = useState<{ mine: { name: string; filter: Filter }; now: Segment }>();
  useEffect(() => {
    const timer = setTimeout(() => setAsked(filter), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [filter]);
  const count = useQuery<number, Problem>({
    queryKey: ["segment-count", asked],
    queryFn: async ({ signal }) => Number((await post("/v1/segments:count", { body: { filter: asked as Given }, signal })).members),
    enabled: isComplete(asked),
    retry: false,
    staleTime: 10_000,
    meta: { live: ["customer", "marketing", "pipeline"] },
  });
  const retire = useTell("/v1/segments/{segment_id}:retire", { touches: ["marketing"], onDone: () => void navigate("/segments") });
  const edits = segment ? may("marketing.segment.edit") && !segment.retired : may("marketing.segment.create");
  const revise = (name: string, to: Filter, seen: Segment) => post("/v1/segments/{segment_id}:revise", { path: { segment_id: seen.segment_id }, body: { name, filter: to as Given, expected_version: seen.version } });
  const saved = () => (askAgain(client, ["marketing"]), void message.success(t("saved")));
  const submit = async ({ name }: { name: string }, requestId: string) => {
    if (!base) {
      const answer = await post("/v1/segments", { requestId, body: { name, filter: filter as Given } });
      askAgain(client, ["marketing"]);
      void navigate(places.segment(answer.segment_id), { replace: true });
      return;
    }
    try {
      const answer = await revise(name, filter, base);
      setBase({ ...base, name, version: answer.version });
      saved();
    } catch (error) {
      if (error instanceof Problem && error.kind === "stale") setClash({ mine: { name, filter }, now: (await get("/v1/segments/{segment_id}", { path: { segment_id: base.segment_id } })).segment as Segment });
      throw error;
    }
  };
  const title = segment?.name ?? t("fresh");
  return (
    <Page
      title={title}
      above={{ to: "/segments", label: t("segments") }}
      heading={<span className="row">{title} {segment?.retired && <State of="retired" />}</span>}
      note={segment && <>{sentence(segment.filter)} · <PersonName id={segment.owner_id} /></>}
      actions={segment && !segment.retired && may("marketing.segment.delete") && <Button onClick={() => void modal.confirm({ title: t("retire"), content: t("retire_text"), okText: t("retire"), cancelText: t("cancel"), onOk: () => retire.mutateAsync({ path: { segment_id: segment.segment_id }, body: {} }).catch((error: unknown) => void message.error(explain(error, refusal).title)) })}>{t("retire")}</Button>}
    >
      <div className="stack">
        <Section
          title={t("rules")}
          extra={<span className="count" role="status" aria-live="polite">{count.data !== undefined && isComplete(asked) ? <><strong>{f.number(count.data)}</strong> {t("found")}</> : <span className="quiet">{count.isError || !isComplete(asked) ? t("incomplete") : t("counting")}</span>}</span>}
        >
          {edits ? (
            <CommandForm<{ name: string }> name={`segment:${segment?.segment_id ?? "new"}`} initial={{ name: segment?.name ?? "" }} submit={submit} save={t("save")} extra={<small className="quiet">{t("of")}</small>}>
              <Form.Item name="name" label={t("name")} rules={[{ required: true, message: t("required") }]}><Input maxLength={200} style={{ maxWidth: 420 }} /></Form.Item>
              <div className="gap-below"><RuleTree of={filter} onChange={setFilter} /></div>
            </CommandForm>
          ) : (
            <p>{sentence(segment?.filter)}</p>
          )}
        </Section>
        {segment && (
          <>
            <h2 style={{ fontSize: 15, fontWeight: 600 }}>{t("members")}</h2>
            <DataList<Answer<"/v1/segments/{segment_id}/members">["members"][number]>
              name="segment-members"
              searchable={false}
              live={["customer", "marketing"]}
              rowKey={(row) => row.customer_id}
              to={(row) => places.customer(row.customer_id)}
              load={async (q, signal) => {
                const found = await get("/v1/segments/{segment_id}/members", { path: { segment_id: segment.segment_id }, query: { page_size: q.pageSize, page_token: q.pageToken }, signal });
                return { rows: found.members, next: found.next_page_token, total: Number(found.total_size) };
              }}
              columns={[
                { key: "name", title: t("customer"), width: 260, render: (row) => <MemberName id={row.customer_id} name={row.name} /> },
                { key: "status", title: t("status"), width: 110, render: (row) => row.status },
                { key: "industry", title: t("industry"), width: 110, render: (row) => row.industry_code },
                { key: "region", title: t("region"), width: 110, render: (row) => row.region_code },
                { key: "owner", title: t("owner"), width: 120, render: (row) => <PersonName id={row.owner_id} /> },
              ]}
              card={(row) => ({ title: row.name || <CustomerName id={row.customer_id} />, meta: <><span>{row.industry_code}</span><span>{row.region_code}</span></> })}
            />
          </>
        )}
      </div>
      {clash && (
        <Conflict
          fields={clashes({ name: t("name"), filter: t("rules") }, clash.mine, { name: clash.now.name, filter: rooted(clash.now.filter) })}
          show={(key, value) => (key === "filter" ? sentence(value) : String(value ?? ""))}
          onCancel={() => (setBase(clash.now), setClash(undefined))}
          onResolve={(chosen) => {
            const to = (chosen.filter as Filter | undefined) ?? clash.mine.filter;
            const name = String(chosen.name ?? clash.mine.name);
            void revise(name, to, clash.now).then((answer) => (setFilter(to), setBase({ ...clash.now, name, version: answer.version }), setClash(undefined), saved()), () => (setBase(clash.now), setClash(undefined)));
          }}
        />
      )}
    </Page>
  );
}

function MemberName({ id, name }: { id: string; name: string }) {
  return <Link className="strong" to={places.customer(id)}>{name || <CustomerName id={id} />}</Link>;
}
