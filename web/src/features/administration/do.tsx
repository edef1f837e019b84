/** What the console's pages share: giving a command and telling how it went, choosing teams and roles. */
import { useQueryClient } from "@tanstack/react-query";
import { App, Select } from "antd";
import { askAgain, useAsk, type Context } from "@/api/hooks";
import { explain, problemWords } from "@/api/problem";
import { useMay } from "@/app/session";
import { useWords, words } from "@/i18n/words";
import { adminWords } from "./words";

const attempts = words(
  { opened: "signed in", "wrong password": "wrong password", "wrong code": "wrong code", "code needed": "code needed", "too many attempts": "too many attempts", "provider refused": "provider refused", password: "password", "password and code": "password and code" },
  { opened: "已登录", "wrong password": "密码错误", "wrong code": "验证码错误", "code needed": "需要验证码", "too many attempts": "尝试次数过多", "provider refused": "身份提供方拒绝", password: "密码", "password and code": "密码和验证码" },
);

/** How a sign-in went and by what, as people read it; names of providers stay as they are. */
export function useAttempt(): (said: string) => string {
  const t = useWords(attempts);
  return (said) => (said in attempts.en ? t(said as keyof typeof attempts.en) : said);
}

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
