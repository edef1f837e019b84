/**
 * A form that gives one command. What is typed is kept in this browser until the command was taken, refusals appear
 * at their fields, and off-line it may be kept to be sent later.
 */
import { Alert, App, Button, Form, type FormInstance } from "antd";
import { useEffect, useState, type ReactNode } from "react";
import { newId } from "@/api/client";
import { explain, Problem, problemWords } from "@/api/problem";
import { useSession } from "@/app/session";
import { useWords, words } from "@/i18n/words";

const dictionary = words(
  { save: "Save", cancel: "Cancel", draft: "Your draft was kept.", discard: "Start over" },
  { save: "保存", cancel: "取消", draft: "已恢复上次未提交的内容。", discard: "重新填写" },
);

export interface CommandFormProps<V extends object> {
  /** Names the draft: "customer.new", "customer.revise:<id>". */
  name: string;
  initial?: Partial<V>;
  /** Give the command; throw the Problem that it was refused with. The id is the same on every attempt of the same values. */
  submit: (values: V, requestId: string) => Promise<unknown>;
  onDone?: () => void;
  onCancel?: () => void;
  /** Violations name fields of the request; where the form's names differ, map them. */
  fieldOf?: (violated: string) => string;
  save?: string;
  children: ReactNode;
  form?: FormInstance<V>;
  extra?: ReactNode;
}

const draftKey = (personId: string, name: string) => `draft:${personId}:${name}`;
/** Forget what was typed: it was taken by another way. */
export const dropDraft = (personId: string, name: string): void => localStorage.removeItem(draftKey(personId, name));

export function CommandForm<V extends object>({ name, initial, submit, onDone, onCancel, fieldOf, save, children, form: given, extra }: CommandFormProps<V>) {
  const t = useWords(dictionary);
  const say = useWords(problemWords);
  const { personId } = useSession();
  const { message } = App.useApp();
  const [own] = Form.useForm<V>();
  const form = given ?? own;
  const key = draftKey(personId, name);
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const [restored, setRestored] = useState(false);
  const [sent, setSent] = useState({ for: "", id: "" });
  useEffect(() => {
    try {
      const draft: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
      if (draft && typeof draft === "object") {
        form.setFieldsValue(draft as Parameters<typeof form.setFieldsValue>[0]);
        setRestored(true);
      }
    } catch {
      localStorage.removeItem(key);
    }
  }, [form, key]);
  const finish = async (values: V) => {
    setBusy(true);
    setProblem(undefined);
    const what = JSON.stringify(values);
    const id = sent.for === what ? sent.id : newId();
    setSent({ for: what, id });
    try {
      await submit(values, id);
      localStorage.removeItem(key);
      onDone?.();
    } catch (error) {
      const refused = error instanceof Problem ? error : new Problem("other", String(error));
      if (refused.kind === "queued") {
        localStorage.removeItem(key);
        void message.info(say("queued"));
        onDone?.();
        return;
      }
      setProblem(refused);
      const fields = refused.violations.map((each) => ({ name: (fieldOf?.(each.field) ?? each.field).split("."), errors: [each.problem] }));
      if (fields.length) form.setFields(fields as Parameters<typeof form.setFields>[0]);
    } finally {
      setBusy(false);
    }
  };
  const shown = problem && explain(problem, say);
  return (
    <Form<V>
      form={form}
      layout="vertical"
      initialValues={initial as Record<string, unknown>}
      onFinish={finish}
      scrollToFirstError
      onValuesChange={(_, all) => localStorage.setItem(key, JSON.stringify(all))}
    >
      {restored && (
        <Alert
          className="gap-below"
          type="info"
          title={t("draft")}
          action={
            <Button size="small" type="text" onClick={() => (localStorage.removeItem(key), form.resetFields(), setRestored(false))}>
              {t("discard")}
            </Button>
          }
        />
      )}
      {shown && <Alert className="gap-below" type="error" showIcon role="alert" title={shown.title} description={shown.detail || undefined} />}
      {children}
      <div className="row">
        <Button type="primary" htmlType="submit" loading={busy}>
          {save ?? t("save")}
        </Button>
        {onCancel && <Button onClick={onCancel}>{t("cancel")}</Button>}
        {extra}
      </div>
    </Form>
  );
}
