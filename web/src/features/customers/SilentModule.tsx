/** Start page: whom nobody spoke to for long, longest first. */
import { PhoneOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { post, type Answer } from "@/api/client";
import type { Problem } from "@/api/problem";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Answered, Notice } from "@/ui/states";
import { pageWords } from "./pageWords";

export default function SilentModule() {
  const t = useWords(pageWords);
  const f = useFormats();
  const { personId } = useSession();
  const found = useQuery<Answer<"/v1/customers:search", "post">, Problem>({
    queryKey: ["silent-customers", personId],
    queryFn: ({ signal }) =>
      post("/v1/customers:search", {
        body: {
          filter: {
            all_of: {
              filters: [
                { condition: { field: "owner", operator: "OPERATOR_IS_ANY_OF", values: [personId] } },
                { condition: { field: "status", operator: "OPERATOR_IS_ANY_OF", values: ["prospect", "active", "silent"] } },
                { negated: { condition: { field: "last_contact_at", operator: "OPERATOR_IS_EMPTY", values: [] } } },
              ],
            },
          },
          order_by: "last_contact_at",
          page_size: 7,
        },
        signal,
      }),
    staleTime: 60_000,
    meta: { live: ["customer"] },
  });
  return (
    <Answered of={found}>
      {(data) =>
        data.customers.length ? (
          <ul className="todo">
            {data.customers.map((each) => (
              <li key={each.customer_id}>
                <div className="todo-what">
                  <Link className="clip" to={places.customer(each.customer_id)}>{each.name}</Link>
                  <div className="quiet clip">{each.primary_contact_name} · {f.ago(each.last_contact_at)}</div>
                </div>
                {each.phone && <Button size="small" icon={<PhoneOutlined />} href={`tel:${each.phone}`} aria-label={`${t("quick_call")} ${each.name}`} />}
              </li>
            ))}
          </ul>
        ) : (
          <Notice quiet title={t("no_silent")} />
        )
      }
    </Answered>
  );
}
