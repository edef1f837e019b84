/** A link that looks like a button: one thing for the keyboard, opened in a new tab like any link. */
import { Button, type ButtonProps } from "antd";
import type { MouseEvent } from "react";
import { useHref, useLinkClickHandler } from "react-router";

export function LinkButton({ to, ...look }: Omit<ButtonProps, "href" | "onClick"> & { to: string }) {
  const href = useHref(to);
  const go = useLinkClickHandler<HTMLAnchorElement>(to);
  return <Button {...look} href={href} onClick={(event) => go(event as unknown as MouseEvent<HTMLAnchorElement>)} />;
}
