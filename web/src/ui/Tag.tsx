import type { ReactNode } from "react";

export type Tone = "good" | "warn" | "bad" | "brand" | "dull";
/** A short state beside a name. */
export function Tag({ tone, children }: { tone?: Tone | undefined; children: ReactNode }) {
  return <span className={tone ? `tag tag-${tone}` : "tag"}>{children}</span>;
}
