/** Refusals of the API (RFC 9457) and of the network, as one error that a page can show. */
import { words, type Say } from "@/i18n/words";

export type Kind =
  | "malformed" | "not-signed-in" | "not-allowed" | "not-found" | "rule" | "stale" | "exists" | "too-large" | "too-many"
  | "unavailable" | "too-late" | "broken" | "offline" | "cancelled" | "queued" | "past" | "other";

export interface Violation {
  field: string;
  problem: string;
}

const kinds: ReadonlySet<string> = new Set<Kind>([
  "malformed", "not-signed-in", "not-allowed", "not-found", "rule", "stale", "exists", "too-large", "too-many",
  "unavailable", "too-late", "broken", "cancelled",
]);

export class Problem extends Error {
  constructor(
    readonly kind: Kind,
    readonly detail: string,
    readonly status = 0,
    readonly violations: readonly Violation[] = [],
    readonly requestId = "",
  ) {
    super(detail || kind);
    this.name = "Problem";
  }

  /** Whether asking the same again may help. */
  get passes(): boolean {
    return this.kind === "unavailable" || this.kind === "too-late" || this.kind === "too-many" || this.kind === "offline";
  }
}

/** What the server said, whatever it said. */
export async function problemOf(answer: Response): Promise<Problem> {
  const tree: unknown = await answer.json().catch(() => ({}));
  const at = (tree && typeof tree === "object" ? tree : {}) as Record<string, unknown>;
  const name = String(at.type ?? "").split(":").pop() ?? "";
  const violations = (Array.isArray(at.violations) ? at.violations : []).map((each: Record<string, unknown>) => ({
    field: String(each.field ?? ""),
    problem: String(each.problem ?? each.description ?? ""),
  }));
  return new Problem(
    kinds.has(name) ? (name as Kind) : "other",
    String(at.detail ?? at.title ?? answer.statusText),
    answer.status,
    violations,
    answer.headers.get("request-id") ?? "",
  );
}

export const problemWords = words(
  {
    malformed: "Something in the form is not right",
    "not-signed-in": "You are signed out",
    "not-allowed": "You may not do this",
    "not-found": "There is no such thing, or you may not see it",
    rule: "This cannot be done now",
    stale: "Somebody changed it meanwhile",
    exists: "It exists already",
    "too-large": "It is too large",
    "too-many": "Too many requests; try again in a moment",
    unavailable: "A part of the system is away for the moment; nothing is lost",
    "too-late": "The answer took too long; trying again is safe",
    broken: "Something broke on our side; nothing was changed",
    offline: "You are off-line",
    cancelled: "It was stopped",
    queued: "Kept until you are back on-line",
    past: "You are looking at the past; go back to now to change something",
    other: "It did not work",
  },
  {
    malformed: "表单中有内容需要修改",
    "not-signed-in": "您已退出登录",
    "not-allowed": "您没有此操作的权限",
    "not-found": "内容不存在，或您无权查看",
    rule: "当前状态不允许此操作",
    stale: "有人同时修改了它",
    exists: "已经存在",
    "too-large": "内容过大",
    "too-many": "请求过于频繁，请稍后再试",
    unavailable: "系统某个部分暂时无法访问，数据不会丢失",
    "too-late": "响应超时，可以放心重试",
    broken: "系统出错，未做任何修改",
    offline: "当前离线",
    cancelled: "操作已中止",
    queued: "已保存，联网后自动提交",
    past: "您正在查看历史时刻；回到现在后才能修改",
    other: "操作未成功",
  },
);

/** Title in the reader's language, and the server's own words below it. */
export function explain(error: unknown, t: Say<keyof typeof problemWords.en & string>): { title: string; detail: string; requestId: string } {
  if (error instanceof Problem) {
    const title = t(error.kind);
    const detail = error.detail === error.kind ? "" : error.detail;
    return { title, detail, requestId: error.kind === "broken" ? error.requestId : "" };
  }
  return { title: t("other"), detail: error instanceof Error ? error.message : "", requestId: "" };
}
