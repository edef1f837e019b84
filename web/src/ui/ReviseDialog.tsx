/**
 * A window to change what others may change at the same time. Only what one changed is sent; when somebody else was
 * faster, what both changed is shown side by side, and what one chooses is saved on top of theirs.
 */
import { App } from "antd";
import { useState, type ReactNode } from "react";
import { explain, Problem, problemWords } from "@/api/problem";
import { useSession } from "@/app/session";
import { useWords } from "@/i18n/words";
import { changesOf, merge, type Clash } from "./clashes";
import { CommandDialog, type CommandDialogProps } from "./CommandDialog";
import { dropDraft } from "./CommandForm";
import { Conflict } from "./Conflict";

export interface Seen<V> {
  version: string;
  values: V;
}
interface Props<V extends object> extends Omit<CommandDialogProps<V>, "initial" | "submit"> {
  /** The fields that can be changed, as people call them. */
  labels: Readonly<Record<string, string>>;
  /** What is shown; what one begins from. */
  seen: Seen<V>;
  /** The record as it is now. */
  latest: () => Promise<Seen<V> | undefined>;
  /** Send these changes, made on top of what was seen. */
  revise: (changed: Partial<V>, seen: Seen<V>, requestId?: string) => Promise<unknown>;
  /** What the form holds, as the record has it. */
  tidy?: (values: V) => V;
  show?: (key: string, value: unknown) => ReactNode;
}

export function ReviseDialog<V extends object>({ labels, seen, latest, revise, tidy = (values) => values, show, name, onClose, onDone, children, ...dialog }: Props<V>) {
  const say = useWords(problemWords);
  const { personId } = useSession();
  const { message } = App.useApp();
  const [base] = useState(seen); // what one saw when one began to type
  const draft = `${name}:${base.version}`; // made on top of this: never restored over what others saved since
  const [clash, setClash] = useState<{ open: Clash[]; merged: V; now: Seen<V> }>();
  const send = async (values: V, from: Seen<V>, requestId?: string) => {
    const changed = changesOf(labels, values, from.values);
    if (Object.keys(changed).length) await revise(changed, from, requestId);
  };
  const submit = async (values: V, requestId: string) => {
    const mine = tidy(values);
    try {
      await send(mine, base, requestId);
    } catch (error) {
      const now = error instanceof Problem && error.kind === "stale" ? await latest() : undefined;
      if (!now) throw error;
      const { merged, open } = merge(labels, base.values, mine, now.values);
      if (!open.length) return send(merged, now);
      setClash({ open, merged, now });
      throw error;
    }
  };
  const resolve = async (merged: V, now: Seen<V>) => {
    try {
      await send(merged, now);
      dropDraft(personId, draft);
      onClose();
      onDone?.();
    } catch (error) {
      const { title, detail } = explain(error, say);
      void message.error(detail || title);
      setClash(undefined);
    }
  };
  return (
    <>
      <CommandDialog<V> {...dialog} name={draft} initial={base.values} submit={submit} onClose={onClose} {...(onDone ? { onDone } : {})}>
        {children}
      </CommandDialog>
      {clash && (
        <Conflict
          fields={clash.open}
          {...(show ? { show } : {})}
          onCancel={() => setClash(undefined)}
          onResolve={(chosen) => void resolve({ ...clash.merged, ...chosen }, clash.now)}
        />
      )}
    </>
  );
}
