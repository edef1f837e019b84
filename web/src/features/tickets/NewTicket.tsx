/** Open a ticket by hand. The rules say who gets it and by when. */
import { Form, Input, Radio, Select, Switch } from "antd";
import { useNavigate, useSearchParams } from "react-router";
import { post } from "@/api/client";
import { places } from "@/app/places";
import { useWords, words } from "@/i18n/words";
import { CommandForm } from "@/ui/CommandForm";
import { CustomerSelect } from "@/ui/CustomerSelect";
import { Page, Section } from "@/ui/Page";
import { CategoryInput } from "./Actions";
import { channels, priorities, terms, type Channel, type Priority } from "./terms";
import "./tickets.css";

const dictionary = words(
  { title: "Open a ticket", tickets: "Tickets", customer: "Customer", channel: "How it arrived", category: "Category", priority: "Priority", subject: "Subject", subject_hint: "One line in the customer’s words", description: "The whole request", complaint: "It is a complaint", required: "Please fill this in", open: "Open ticket" },
  { title: "新建工单", tickets: "工单", customer: "客户", channel: "来源渠道", category: "类别", priority: "优先级", subject: "主题", subject_hint: "用客户的话概括成一句", description: "完整描述", complaint: "这是投诉", required: "请填写", open: "创建工单" },
);
interface Values {
  customer_id?: string;
  channel: Channel;
  category: string;
  priority: Priority;
  subject: string;
  description?: string;
  complaint?: boolean;
}

export default function NewTicket() {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const navigate = useNavigate();
  const [address] = useSearchParams();
  const given = (address.get("channel") ?? "CHANNEL_PHONE") as Channel;
  const needed = [{ required: true, message: t("required") }];
  return (
    <Page title={t("title")} above={{ to: "/tickets", label: t("tickets") }}>
      <Section>
        <CommandForm<Values>
          name={`ticket.new:${address.get("customer") ?? ""}`}
          initial={{ channel: channels.includes(given) ? given : "CHANNEL_PHONE", priority: "PRIORITY_NORMAL", customer_id: address.get("customer") ?? "", subject: address.get("subject") ?? "" }}
          submit={async (values, requestId) => {
            const answer = await post("/v1/tickets", { requestId, body: { ...values, description: values.description ?? "", complaint: values.complaint ?? false } });
            void navigate(places.ticket(answer.ticket_id));
          }}
          onCancel={() => void navigate(-1)}
          save={t("open")}
        >
          <div className="grid">
            <div className="grid-half"><Form.Item name="customer_id" label={t("customer")}><CustomerSelect /></Form.Item></div>
            <div className="grid-half"><Form.Item name="channel" label={t("channel")}><Select options={channels.map((value) => ({ value, label: say(value) }))} /></Form.Item></div>
            <div className="grid-half"><Form.Item name="category" label={t("category")} rules={needed}><CategoryInput /></Form.Item></div>
            <div className="grid-half"><Form.Item name="priority" label={t("priority")}><Radio.Group options={priorities.map((value) => ({ value, label: say(value) }))} /></Form.Item></div>
          </div>
          <Form.Item name="subject" label={t("subject")} extra={t("subject_hint")} rules={needed}><Input maxLength={200} /></Form.Item>
          <Form.Item name="description" label={t("description")}><Input.TextArea autoSize={{ minRows: 4, maxRows: 14 }} maxLength={10_000} /></Form.Item>
          <Form.Item name="complaint" label={t("complaint")} valuePropName="checked" layout="horizontal"><Switch /></Form.Item>
        </CommandForm>
      </Section>
    </Page>
  );
}
