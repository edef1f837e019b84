/** What the console's pages share: giving a command and telling how it went, choosing teams and roles. */
import { useQueryClient } from "@tanstack/react-query";
import { App, Select } from "antd";
import { askAgain, useAsk, type Context } from "@/api/hooks";
import { explain, problemWords } from "@/api/problem";
import { useMay } from "@/app/session";
import { useWords } from "@/i18n/words";
import { adminWords } from "./words";

/** Ask again what a command touched, after it was taken. */
export function useTouched(...contexts: Context[]): () => void {
  const client = useQueryClient();
  return () => askAgain(client, contexts);
}

/** Give a command from a button: confirmed if it is asked, refusals told. */
export function useGive(...contexts: Context[]) {
  const t = useWords(adminWords);
  const say = useWords(problemWords);
  const { message, modal } = App.useApp();
  const touched = useTouched(...contexts);
  return (give: () => Promise<unknown>, { sure, done, danger = true }: { sure?: string; done?: string; danger?: boolean } = {}) => {
    const run = async () => {
      try {
        await give();
        touched();
        void message.success(done ?? t("done"));
      } catch (error) {
        const { title, detail } = explain(error, say);
        void message.error(detail ? `${title}: ${detail}` : title, 6);
      }
    };
    if (sure) modal.confirm({ title: sure, okButtonProps: { danger }, onOk: run });
    else void run();
  };
}

export function useTeams() {
  const may = useMay("identity.team.read");
  const teams = useAsk("/v1/teams", { query: { page_size: 500 } }, { live: ["identity"], enabled: may, freshMs: 60_000 });
  return teams.data?.teams ?? [];
}
export function TeamSelect({ value, onChange, id, empty, label }: { value?: string; onChange?: (id: string) => void; id?: string; empty: string; label?: string }) {
  const teams = useTeams();
  return <Select<string> {...(id ? { id } : {})} {...(label ? { "aria-label": label } : {})} value={value ?? ""} onChange={(next) => onChange?.(next)} options={[{ value: "", label: empty }, ...teams.map((each) => ({ value: each.team_id, label: each.name }))]} />;
}

export function useRoles() {
  const may = useMay("identity.role.read");
  const roles = useAsk("/v1/roles", { query: { include_retired: false } }, { live: ["identity"], enabled: may, freshMs: 60_000 });
  return roles.data?.roles ?? [];
}
export function useRoleTitle(): (role: string) => string {
  const roles = useRoles();
  return (role) => roles.find((each) => each.role === role)?.title || role;
}

export const SCOPES = { DATA_SCOPE_OWN: "s_own", DATA_SCOPE_SUBORDINATES: "s_subordinates", DATA_SCOPE_TEAM: "s_team", DATA_SCOPE_ALL: "s_all", DATA_SCOPE_UNSPECIFIED: "none" } as const;
export type Scope = keyof typeof SCOPES;
