/** One approval, made for the phone first: what, how much, and the buttons. */
import { useParams } from "react-router";
import { places } from "@/app/places";
import { useAsk } from "@/api/hooks";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { Money } from "@/ui/Money";
import { LinkButton } from "@/ui/LinkButton";
import { Page, Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Answered } from "@/ui/states";
import { ApprovalPanel, useApproval } from "./ApprovalPanel";
import { dealWords } from "./dealWords";
import { Lines } from "./Lines";
import { StateTag, type Approval } from "./show";
import "./deals.css";

export default function ApprovalPage() {
  const { approvalId = "" } = useParams();
  const asked = useApproval(approvalId);
  return <Answered of={asked}>{(data) => (data.approval ? <Content approval={data.approval} /> : null)}</Answered>;
}

export const placeOfSubject = (approval: Approval): string =>
  approval.subject_kind === "SUBJECT_KIND_QUOTE" ? places.quote(approval.subject_id) : approval.subject_kind === "SUBJECT_KIND_CONTRACT" ? places.contract(approval.subject_id) : places.order(approval.subject_id);

function Content({ approval }: { approval: Approval }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const quote = useAsk("/v1/quotes/{quote_id}", { path: { quote_id: approval.subject_id } }, { enabled: approval.subject_kind === "SUBJECT_KIND_QUOTE", live: ["pipeline"] });
  const version = quote.data?.versions.find((each) => each.quote_version === approval.subject_version);
  return (
    <Page
      title={approval.title}
      above={{ to: "/approvals", label: t("approvals") }}
      heading={<span className="row">{approval.title} <StateTag state={approval.state} /></span>}
      note={<>{t(approval.subject_kind)} · {t("about_version", { version: approval.subject_version })} · {t("asked_by")} <PersonName id={approval.requested_by} /> · {f.ago(approval.requested_at)}</>}
      actions={<LinkButton to={placeOfSubject(approval)}>{t("open_subject", { what: t(approval.subject_kind) })}</LinkButton>}
    >
      <div className="grid">
        <div className="grid-half stack">
          <Section>
            <dl className="facts">
              <div><dt>{t("amount")}</dt><dd className="figure-value"><Money of={approval.amount} /></dd></div>
              {approval.discount_basis_points > 0 && <div><dt>{t("discount")}</dt><dd className="figure-value warn">{f.percent(approval.discount_basis_points / 10_000)}</dd></div>}
              {quote.data?.quote?.customer_id && <div><dt>{t("customer")}</dt><dd><CustomerName id={quote.data.quote.customer_id} link /></dd></div>}
            </dl>
          </Section>
          <ApprovalPanel approvalId={approval.approval_id} />
        </div>
        <div className="grid-half stack">
          {version && (
            <Section title={t("lines")}>
              <Lines lines={version.lines} net={version.net_total} tax={version.tax_total} total={version.total} />
            </Section>
          )}
        </div>
      </div>
    </Page>
  );
}
