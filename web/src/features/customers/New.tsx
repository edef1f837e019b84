/** Adding a customer: a name and whom one talks to is enough; who may be there already is shown before. */
import { Alert, Button, Checkbox, Collapse, Form, Radio } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { post, type Answer } from "@/api/client";
import type { Problem } from "@/api/problem";
import { places } from "@/app/places";
import { useWords } from "@/i18n/words";
import { CommandForm } from "@/ui/CommandForm";
import { Page, Section } from "@/ui/Page";
import { usePersonName } from "@/ui/people";
import { ContactFields, ProfileFields, profileOf, type Contact } from "./forms";
import { pageWords } from "./pageWords";
import { customerWords } from "./words";

interface Values {
  kind: "CUSTOMER_KIND_COMPANY" | "CUSTOMER_KIND_PERSON";
  profile: Record<string, unknown>;
  contact?: Partial<Contact>;
  allow_duplicates?: boolean;
}
type Candidate = Answer<"/v1/customers:findDuplicates", "post">["candidates"][number];
const PAUSE_MS = 500;
const filled = (list: readonly string[] | undefined) => (list ?? []).map((each) => each.trim()).filter(Boolean);
/** What of a form tells a duplicate. */
const telling = (values: Partial<Values> | undefined) => {
  const contact = values?.contact;
  const named = contact?.name?.trim();
  return {
    profile: profileOf(values?.profile ?? {}),
    contacts: named ? [{ ...contact, name: named, phones: filled(contact?.phones), emails: filled(contact?.emails), is_primary: true }] : [],
  };
};

export default function New() {
  const t = useWords(customerWords);
  const p = useWords(pageWords);
  const navigate = useNavigate();
  const [address] = useSearchParams();
  const [form] = Form.useForm<Values>();
  const typed = Form.useWatch([], form) as Values | undefined;
  const [looked, setLooked] = useState("");
  const now = JSON.stringify(telling(typed));
  useEffect(() => {
    const timer = setTimeout(() => setLooked(now), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [now]);
  const asked = looked ? (JSON.parse(looked) as ReturnType<typeof telling>) : undefined;
  const similar = useQuery<Answer<"/v1/customers:findDuplicates", "post">, Problem>({
    queryKey: ["similar", looked],
    queryFn: ({ signal }) => post("/v1/customers:findDuplicates", { body: asked ?? {}, signal }),
    enabled: Boolean(asked?.profile.name && asked.profile.name.length > 1),
    retry: false,
  });
  const candidates = similar.data?.candidates ?? [];
  return (
    <Page title={t("new_customer")} above={{ to: "/customers", label: t("customers") }}>
      <div className="grid">
        <div className="grid-main">
          <Section>
            <CommandForm<Values>
              name="customer.new"
              form={form}
              initial={{ kind: "CUSTOMER_KIND_COMPANY", contact: { phones: address.getAll("phone") } }}
              save={t("new_customer")}
              onCancel={() => void navigate(-1)}
              fieldOf={(violated) => violated.replace(/^contacts\[0\]/, "contact").replace(/\[\d+\]$/, "")}
              submit={async (values, requestId) => {
                const made = await post("/v1/customers", { body: { kind: values.kind, ...telling(values), allow_duplicates: values.allow_duplicates ?? false }, requestId });
                void navigate(places.customer(made.customer_id));
              }}
            >
              <Form.Item name="kind" label={p("kind")}><Radio.Group options={[{ value: "CUSTOMER_KIND_COMPANY", label: p("company") }, { value: "CUSTOMER_KIND_PERSON", label: p("person") }]} /></Form.Item>
              <ProfileFields prefix={["profile"]} all={false} focused />
              <Collapse
                ghost
                defaultActiveKey={["contact"]}
                items={[
                  { key: "contact", label: p("primary_contact"), forceRender: true, children: <ContactFields prefix={["contact"]} optional /> },
                  { key: "more", label: p("more"), children: <ProfileFields prefix={["profile"]} named={false} /> },
                ]}
              />
              {candidates.length > 0 && <Form.Item name="allow_duplicates" valuePropName="checked"><Checkbox>{p("add_anyway")}</Checkbox></Form.Item>}
            </CommandForm>
          </Section>
        </div>
        <div className="grid-side" aria-live="polite">
          {candidates.length > 0 && (
            <Section title={p("similar")}>
              <p className="quiet gap-below">{p("similar_text")}</p>
              <ul className="lines">{candidates.slice(0, 8).map((each, i) => <li key={each.customer_id || i}><CandidateLine of={each} /></li>)}</ul>
            </Section>
          )}
        </div>
      </div>
    </Page>
  );
}

export function CandidateLine({ of }: { of: Candidate }) {
  const p = useWords(pageWords);
  const owner = usePersonName(of.owner_id);
  const what = p("matched", { what: of.matched_on.join(", ") });
  if (!of.visible) return <Alert type="warning" title={p("hidden_one", { owner: owner || of.owner_id.slice(0, 8) })} description={what} />;
  return (
    <Link to={places.customer(of.customer_id)}>
      <span className="spread"><span className="strong">{of.name}</span><br /><span className="quiet">{what}{owner && ` · ${owner}`}</span></span>
      <Button size="small" type="text" tabIndex={-1}>→</Button>
    </Link>
  );
}
