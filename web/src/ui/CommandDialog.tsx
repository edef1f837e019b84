/** A CommandForm in a window over the page; closes when the command was taken. */
import { Modal } from "antd";
import type { ReactNode } from "react";
import { CommandForm, type CommandFormProps } from "./CommandForm";

export interface CommandDialogProps<V extends object> extends Omit<CommandFormProps<V>, "onCancel"> {
  title: ReactNode;
  text?: ReactNode;
  width?: number;
  onClose: () => void;
}

export function CommandDialog<V extends object>({ title, text, width = 480, onClose, onDone, ...form }: CommandDialogProps<V>) {
  return (
    <Modal open title={title} width={width} footer={null} onCancel={onClose} destroyOnHidden>
      {text && <p className="quiet gap-below">{text}</p>}
      <CommandForm<V>
        {...form}
        onCancel={onClose}
        onDone={() => {
          onClose();
          onDone?.(); // last, as it may lead to another page
        }}
      />
    </Modal>
  );
}
