/** Signing in: the whole page for a newcomer, a dialog over the page for one whose session ended. */
import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Form, Input, Modal, type InputRef } from "antd";
import { useEffect, useRef, useState } from "react";
import { get, send } from "@/api/client";
import { explain, Problem, problemWords } from "@/api/problem";
import { useLanguage, useWords, words } from "@/i18n/words";
import { Mark } from "@/ui/Mark";

const dictionary = words(
  {
    title: "Sign in to Headwater",
    tagline: "Every customer, every promise, every step, on one record.",
    over: "Your session has ended. Sign in to go on; nothing you typed is lost.",
    login: "Login",
    password: "Password",
    code: "Code from your authenticator",
    sign_in: "Sign in",
    with: "Sign in with {name}",
    choose: "Choose a new password",
    new_password: "New password",
    change: "Change and go on",
    short: "At least 10 characters",
    required: "Please fill this in",
  },
  {
    title: "登录 Headwater",
    tagline: "客户、承诺与每一步进展，尽在同一份记录。",
    over: "登录已过期，请重新登录后继续；已填写的内容不会丢失。",
    login: "账号",
    password: "密码",
    code: "身份验证器中的验证码",
    sign_in: "登录",
    with: "使用 {name} 登录",
    choose: "请设置新密码",
    new_password: "新密码",
    change: "修改并继续",
    short: "至少 10 个字符",
    required: "请填写此项",
  },
);

interface Opened {
  must_change_password?: boolean;
  second_factor_required?: boolean;
}
interface Props {
  over?: boolean;
  login?: string | undefined;
  problem?: Problem | undefined;
  onDone: () => Promise<void>;
}

export function SignIn({ over = false, login = "", problem, onDone }: Props) {
  const t = useWords(dictionary);
  const { language, setLanguage } = useLanguage();
  const body = <Fields login={login} problem={problem} onDone={onDone} />;
  if (over)
    return (
      <Modal open footer={null} closable={false} mask={{ closable: false }} keyboard={false} title={t("title")} width={400} zIndex={2000}>
        <p className="quiet">{t("over")}</p>
        {body}
      </Modal>
    );
  return (
    <main className="gate">
      <section className="gate-card">
        <div className="gate-head">
          <Mark />
          <Button type="text" size="small" onClick={() => setLanguage(language === "zh" ? "en" : "zh")}>
            {language === "zh" ? "English" : "中文"}
          </Button>
        </div>
        <h1>{t("title")}</h1>
        <p className="quiet">{t("tagline")}</p>
        {body}
      </section>
    </main>
  );
}

function Fields({ login, problem, onDone }: { login: string; problem: Problem | undefined; onDone: () => Promise<void> }) {
  const t = useWords(dictionary);
  const say = useWords(problemWords);
  const [refusal, setRefusal] = useState<Problem | undefined>(problem);
  const [busy, setBusy] = useState(false);
  const [step, setStep] = useState<"password" | "code" | "change">("password");
  const given = useRef("");
  const first = useRef<InputRef>(null);
  const providers = useQuery({ queryKey: ["/v1/session/providers"], queryFn: () => get("/v1/session/providers", {}), retry: false, staleTime: Infinity });
  useEffect(() => first.current?.focus(), [step]);

  const submit = async (values: { login: string; password: string; code?: string; fresh?: string }) => {
    setBusy(true);
    setRefusal(undefined);
    try {
      if (step === "change") {
        await send("POST", "/v1/me:changePassword", { current_password: given.current, new_password: values.fresh });
        await onDone();
        return;
      }
      given.current = values.password;
      const proof = { login: values.login, password: values.password, code: values.code ?? "" };
      const opened = (await send("POST", "/v1/session", proof, { headers: { "Headwater-Session": "cookie" } })) as Opened;
      if (opened.second_factor_required) setStep("code");
      else if (opened.must_change_password) setStep("change");
      else await onDone();
    } catch (error) {
      setRefusal(error instanceof Problem ? error : new Problem("other", String(error)));
    } finally {
      setBusy(false);
    }
  };
  const needed = [{ required: true, message: t("required") }];
  return (
    <Form layout="vertical" requiredMark={false} onFinish={submit} initialValues={{ login }} disabled={busy} className="sign-in">
      {refusal && <Alert type="error" showIcon role="alert" title={refusal.kind === "not-signed-in" ? refusal.detail : explain(refusal, say).title} className="gap-below" />}
      {step === "change" ? (
        <>
          <p className="strong">{t("choose")}</p>
          <Form.Item name="fresh" label={t("new_password")} rules={[{ required: true, min: 10, message: t("short") }]}>
            <Input.Password ref={first} autoComplete="new-password" size="large" />
          </Form.Item>
        </>
      ) : (
        <>
          <Form.Item name="login" label={t("login")} rules={needed}>
            <Input ref={login ? undefined : first} autoComplete="username" size="large" />
          </Form.Item>
          <Form.Item name="password" label={t("password")} rules={needed}>
            <Input.Password autoComplete="current-password" size="large" />
          </Form.Item>
          {step === "code" && (
            <Form.Item name="code" label={t("code")} rules={needed}>
              <Input ref={first} autoComplete="one-time-code" inputMode="numeric" size="large" />
            </Form.Item>
          )}
        </>
      )}
      <Button type="primary" htmlType="submit" size="large" block loading={busy}>
        {step === "change" ? t("change") : t("sign_in")}
      </Button>
      {(providers.data?.providers ?? []).map((each) => (
        <Button key={each.provider} href={`/sign-in/${encodeURIComponent(each.provider)}`} block size="large" className="gap-above">
          {t("with", { name: each.title })}
        </Button>
      ))}
    </Form>
  );
}
