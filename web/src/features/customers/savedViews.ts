/** Saved views of the customers: groups that the service keeps, of the person himself and shared ones. */
import { useQueryClient } from "@tanstack/react-query";
import { post, type Answer, type Body } from "@/api/client";
import { askAgain, useAsk } from "@/api/hooks";
import { useSession } from "@/app/session";
import { useWords } from "@/i18n/words";
import type { ListQuestion } from "@/ui/DataList";
import type { KeptView } from "@/ui/SaveView";
import { pageWords } from "./pageWords";

type Group = Answer<"/v1/customer-groups">["groups"][number];
type Filter = NonNullable<Body<"/v1/customer-groups">["filter"]>;
const MOST_VIEWS = 50;

const anyOf = (field: string, values: readonly string[]): Filter => ({ condition: { field, operator: "OPERATOR_IS_ANY_OF", values: [...values] } });
/** "CUSTOMER_STATUS_LOST" -> "lost", as conditions name it. */
const bare = (name: string) => name.replace(/^CUSTOMER_(STATUS|LEVEL)_/, "").toLowerCase();

/** What the list is filtered by, as the service reads it; a group that is open (`group`) is named beside it. */
export function conditions(filters: ListQuestion["filters"], personId: string): Filter[] {
  return [
    ...(filters.status?.length ? [anyOf("status", filters.status.map(bare))] : []),
    ...(filters.level?.length ? [anyOf("level", filters.level.map(bare))] : []),
    ...(filters.industry?.length ? [{ condition: { field: "industry", operator: "OPERATOR_IS_UNDER" as const, values: [...filters.industry] } }] : []),
    ...(filters.mine?.length ? [anyOf("owner", [personId])] : []),
  ];
}

/** The filter of a view that is saved while another is open: both hold. */
export function narrowed(open: Group | undefined, more: Filter[]): Filter {
  return { all_of: { filters: [...(open?.filter ? [open.filter] : []), ...more] } };
}

export function useSavedViews() {
  const t = useWords(pageWords);
  const client = useQueryClient();
  const { may, personId } = useSession();
  const asked = useAsk("/v1/customer-groups", { query: { page_size: MOST_VIEWS } }, { live: ["customer"], enabled: may("customer.group.read"), freshMs: 60_000 });
  const groups = asked.data?.groups ?? [];
  const again = () => askAgain(client, ["customer"]);
  const mayRemove = (group: Group) => may("customer.group.delete") && (group.owner_id === personId || may("customer.group.admin"));
  const views: KeptView[] = groups.map((group) => ({
    key: group.group_id,
    label: group.name,
    query: `group=${group.group_id}`,
    note: group.owner_id === personId ? (group.shared ? t("view_shared") : "") : t("view_of_another"),
    ...(mayRemove(group) ? { remove: async () => (await post("/v1/customer-groups/{group_id}:delete", { path: { group_id: group.group_id }, body: {} }), again()) } : {}),
  }));
  const save = async (name: string, filters: ListQuestion["filters"], shared: boolean) => {
    const open = groups.find((group) => group.group_id === filters.group?.[0]);
    const same = groups.find((group) => group.name === name && group.owner_id === personId); // its own name again: saved anew
    await post("/v1/customer-groups", { body: { group_id: same?.group_id ?? "", name, shared, filter: narrowed(open, conditions(filters, personId)) } });
    again();
  };
  return { views, ...(may("customer.group.write") ? { save } : {}) };
}
