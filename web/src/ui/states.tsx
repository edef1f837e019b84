/** What a place looks like while it waits, when it is empty, refused, gone or off-line. */
import { Button, Skeleton } from "antd";
import type { ReactNode } from "react";
import { explain, Problem, problemWords } from "@/api/problem";
import { useWords, words } from "@/i18n/words";

const dictionary = words(
  {
    waiting: "Loading",
    retry: "Try again",
    no_permission: "You may not see this",
    no_permission_text: "Your roles do not include it. Whoever administers Headwater can grant it.",
    gone: "There is nothing here",
    gone_text: "It was removed, merged into another record, or you may not see it.",
    home: "Go to the start",
    offline_text: "Pages that you have seen stay readable; what you do is kept and sent when you are back.",
    report: "When you report this, give the number {id}.",
  },
  {
    waiting: "加载中",
    retry: "重试",
    no_permission: "您无权查看此内容",
    no_permission_text: "您的角色未包含此权限，可联系管理员开通。",
    gone: "这里没有内容",
    gone_text: "内容已删除、已合并到其他记录，或您无权查看。",
    home: "返回首页",
    offline_text: "看过的页面仍可阅读；您的操作会保存，联网后自动提交。",
    report: "反馈问题时请提供编号 {id}。",
  },
);

export function Waiting({ whole = false, rows = 4 }: { whole?: boolean; rows?: number }) {
  const t = useWords(dictionary);
  return (
    <div className={whole ? "waiting-whole" : "waiting"} role="status" aria-label={t("waiting")}>
      {whole ? <img src="/icon.svg" alt="" width={40} height={40} /> : <Skeleton active paragraph={{ rows }} title={false} />}
    </div>
  );
}

/** A calm block in the middle: what is the matter, and the way out. */
export function Notice({ title, text, action, quiet = false }: { title: ReactNode; text?: ReactNode; action?: ReactNode; quiet?: boolean }) {
  return (
    <div className={quiet ? "notice notice-quiet" : "notice"}>
      <p className="notice-title">{title}</p>
      {text && <p className="notice-text">{text}</p>}
      {action && <div className="notice-action">{action}</div>}
    </div>
  );
}

export function NoPermission() {
  const t = useWords(dictionary);
  return <Notice title={t("no_permission")} text={t("no_permission_text")} action={<Button href="/">{t("home")}</Button>} />;
}

export function Gone() {
  const t = useWords(dictionary);
  return <Notice title={t("gone")} text={t("gone_text")} action={<Button href="/">{t("home")}</Button>} />;
}

/** The right words for a refusal. */
export function Refused({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  const t = useWords(dictionary);
  const say = useWords(problemWords);
  if (error instanceof Problem && error.kind === "not-allowed") return <NoPermission />;
  if (error instanceof Problem && error.kind === "not-found") return <Gone />;
  const { title, detail, requestId } = explain(error, say);
  const offline = error instanceof Problem && error.kind === "offline";
  return (
    <div role="alert">
      <Notice
        title={title}
        text={
          <>
            {offline ? t("offline_text") : detail}
            {requestId && <small> {t("report", { id: requestId })}</small>}
          </>
        }
        action={retry && <Button onClick={retry}>{t("retry")}</Button>}
      />
    </div>
  );
}

interface Asked<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** Shows the answer of a question, or the state that it is in. An old answer stays in view while it is asked again. */
export function Answered<T>({ of, children, rows = 4 }: { of: Asked<T>; children: (data: T) => ReactNode; rows?: number }) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.isPending) return <Waiting rows={rows} />;
  return <Refused error={of.error} retry={() => void of.refetch()} />;
}
