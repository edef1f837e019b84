import { Fragment } from "react";

const CODE = /([A-Z]{2,}_[A-Z_]{2,}(?:=\w+)?|headwater [a-z]+)/;
/** A sentence in which the names of settings and commands are set as code: those are meant to be typed. */
export function Coded({ text }: { text: string }) {
  return <>{text.split(CODE).map((part, at) => (at % 2 ? <code key={at}>{part}</code> : <Fragment key={at}>{part}</Fragment>))}</>;
}
