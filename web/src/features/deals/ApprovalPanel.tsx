/** What is asked, who decides, what was said; and the decision itself. The same on its own page and beside what it is about. */
import { CheckCircleFilled, CheckOutlined, ClockCircleOutlined, CloseOutlined, MinusCircleOutlined } from "@ant-design/icons";
import { App, Button, Form, Input } from "antd";
import { useState } from "react";
import type { Answer } from "@/api/client";
import { useAsk, useTell } from "@/api/hooks";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { PersonSelect } from "@/ui/PersonSelect";
import { Answered } from "@/ui/states";
import { Timeline } from "@/ui/Timeline";
import { dealWords } from "./dealWords";
import { StateTag, useRefused, type Approval } from "./show";
import "./deals.css";

type Entry = Answer<"/v1/approvals/{approval_id}">["record"][number];
type Saying = "reject" | "return" | "approve";
const decisions = { approve: "DECISION_APPROVE", reject: "DECISION_REJECT", return: "DECISION_RETURN" } as const;

export function useApproval(approvalId: string) {
  return useAsk("/v1/approvals/{approval_id}", { path: { approval_id: approvalId } }, { live: ["pipeline"], enabled: Boolean(approvalId) });
}

export function ApprovalPanel({ approvalId }: { approvalId: string }) {
  const t = useWords(dealWords);
  const { may } = useSession();
  const asked = useApproval(approvalId);
  if (!may("pipeline.approval.read")) return null;
  return (
    <Section title={t("approval")} extra={asked.data?.approval && <StateTag state={asked.data.approval.state} />}>
      <Answered of={asked} rows={3}>
        {(data) =>
          data.approval ? (
            <>
              <Decide approval={data.approval} />
              <Steps approval={data.approval} record={data.record} />
              <Record record={data.record} />
            </>
          ) : null
        }
      </Answered>
    </Section>
  );
}

/** Approve with one tap; everything else asks for a word. Only for whom the approval waits. */
export function Decide({ approval }: { approval: Approval }) {
  const t = useWords(dealWords);
  const { personId, may } = useSession();
  const { message } = App.useApp();
  const refused = useRefused();
  const [says, setSays] = useState<Saying | "delegate" | "withdraw" | "">("");
  const path = { approval_id: approval.approval_id };
  const options = { touches: ["pipeline", "notification"] as const, onDone: () => void message.success(t("decided_now")) };
  const give = useTell("/v1/approvals/{approval_id}:giveOpinion", options);
  const delegate = useTell("/v1/approvals/{approval_id}:delegate", options);
  const withdraw = useTell("/v1/approvals/{approval_id}:withdraw", options);
  if (approval.state !== "APPROVAL_STATE_PENDING") return null;
  const mine = approval.waiting_for.includes(personId) && may("pipeline.approval.approve");
  const asker = approval.requested_by === personId && may("pipeline.approval.edit");
  return (
    <>
      {mine && (
        <div className="approve-bar no-print">
          <Button type="primary" icon={<CheckOutlined />} loading={give.isPending} onClick={() => give.mutate({ path, body: { decision: decisions.approve } }, { onError: refused })}>{t("approve")}</Button>
          <Button onClick={() => setSays("approve")}>{t("approve")} + {t("opinion")}</Button>
          <Button onClick={() => setSays("return")}>{t("return")}</Button>
          <Button danger onClick={() => setSays("reject")}>{t("reject")}</Button>
          <Button type="text" onClick={() => setSays("delegate")}>{t("delegate")}</Button>
        </div>
      )}
      {asker && !mine && (
        <div className="approve-bar no-print">
          <Button onClick={() => setSays("withdraw")}>{t("withdraw")}</Button>
        </div>
      )}
      {(says === "approve" || says === "reject" || says === "return") && (
        <CommandDialog<{ opinion: string }>
          name={`approval.${says}:${approval.approval_id}`}
          title={`${t(says)}: ${approval.title}`}
          save={t(says)}
          onClose={() => setSays("")}
          submit={({ opinion }, requestId) => give.mutateAsync({ path, body: { decision: decisions[says], opinion }, requestId })}
        >
          <Form.Item name="opinion" label={says === "approve" ? t("opinion_optional") : t("opinion")} rules={says === "approve" ? [] : [{ required: true, whitespace: true, message: t("say_why") }]}>
            <Input.TextArea autoFocus autoSize={{ minRows: 3 }} maxLength={2000} />
          </Form.Item>
        </CommandDialog>
      )}
      {says === "delegate" && (
        <CommandDialog<{ to_person_id: string; reason?: string }>
          name={`approval.delegate:${approval.approval_id}`}
          title={t("delegate")}
          save={t("delegate")}
          onClose={() => setSays("")}
          submit={(values, requestId) => delegate.mutateAsync({ path, body: values, requestId })}
        >
          <Form.Item name="to_person_id" label={t("to_whom")} rules={[{ required: true }]}>
            <PersonSelect />
          </Form.Item>
          <Form.Item name="reason" label={t("opinion")}>
            <Input.TextArea autoSize={{ minRows: 2 }} maxLength={1000} />
          </Form.Item>
        </CommandDialog>
      )}
      {says === "withdraw" && (
        <CommandDialog<{ reason: string }>
          name={`approval.withdraw:${approval.approval_id}`}
          title={t("withdraw")}
          save={t("withdraw")}
          onClose={() => setSays("")}
          submit={(values, requestId) => withdraw.mutateAsync({ path, body: values, requestId })}
        >
          <Form.Item name="reason" label={t("reason")}>
            <Input.TextArea autoFocus autoSize={{ minRows: 2 }} maxLength={1000} />
          </Form.Item>
        </CommandDialog>
      )}
    </>
  );
}

function Steps({ approval, record }: { approval: Approval; record: readonly Entry[] }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const at = approval.steps.findIndex((step) => step.step_id === approval.step_id);
  const pending = approval.state === "APPROVAL_STATE_PENDING";
  if (!approval.steps.length) return null;
  return (
    <ol className="steps gap-above">
      {approval.steps.map((step, index) => {
        const passed = record.some((entry) => entry.step_id === step.step_id && entry.decision === "DECISION_APPROVE") && (index < at || !pending);
        const now = pending && index === at;
        return (
          <li key={step.step_id} aria-current={now ? "step" : undefined}>
            <span className="step-mark">
              {passed ? <CheckCircleFilled className="good" /> : now ? <ClockCircleOutlined className="warn" /> : index > at && !pending ? <MinusCircleOutlined className="quiet" /> : approval.state === "APPROVAL_STATE_REJECTED" && index === at ? <CloseOutlined className="bad" /> : <MinusCircleOutlined className="quiet" />}
            </span>
            <span>
              <strong>{step.name}</strong>{" "}
              <span className="quiet">
                {now ? <>{t("waits_for")} {approval.waiting_for.map((id, place) => <span key={id}>{place > 0 && ", "}<PersonName id={id} /></span>)}</> : step.approver_ids.map((id, place) => <span key={id}>{place > 0 && ", "}<PersonName id={id} /></span>)}
                {step.approver_ids.length > 1 && <> · {step.rule === "STEP_RULE_ALL_OF" ? t("all_of") : t("any_of")}</>}
                {step.min_discount_basis_points > 0 && <> · ≥ {f.percent(step.min_discount_basis_points / 10_000)}</>}
              </span>
            </span>
          </li>
        );
      })}
    </ol>
  );
}

const whats: Readonly<Record<string, "requested" | "opinion_given" | "delegated" | "step_reached" | "granted" | "rejected" | "returned" | "withdrawn">> = {
  requested: "requested", opinion: "opinion_given", delegated: "delegated", step_reached: "step_reached", granted: "granted", rejected: "rejected", returned: "returned", withdrawn: "withdrawn",
};

function Record({ record }: { record: readonly Entry[] }) {
  const t = useWords(dealWords);
  const decided = (entry: Entry) => (entry.decision === "DECISION_APPROVE" ? t("granted") : entry.decision === "DECISION_REJECT" ? t("rejected") : entry.decision === "DECISION_RETURN" ? t("returned") : t("opinion_given"));
  return (
    <div className="gap-above">
      <Timeline
        items={[...record].reverse().map((entry, index) => {
          const what = whats[entry.what];
          return {
            id: String(index),
            at: entry.at,
            title: (
              <>
                {entry.person_id && <PersonName id={entry.person_id} />} {entry.what === "opinion" ? decided(entry) : what ? t(what) : entry.what} {entry.to_person_id && <PersonName id={entry.to_person_id} />}
              </>
            ),
            who: entry.subject_version > 0 ? t("about_version", { version: entry.subject_version }) : undefined,
            text: entry.opinion,
          };
        })}
      />
    </div>
  );
}
