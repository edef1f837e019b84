/** What happened, newest first. */
import type { ReactNode } from "react";
import { useFormats } from "@/i18n/format";

export interface Happening {
  id: string;
  at: string | undefined;
  title: ReactNode;
  text?: ReactNode;
  who?: ReactNode;
  extra?: ReactNode;
}

export function Timeline({ items }: { items: readonly Happening[] }) {
  const f = useFormats();
  return (
    <ol className="timeline">
      {items.map((each) => (
        <li key={each.id}>
          <div className="timeline-head">
            <span className="timeline-title">{each.title}</span>
            <time dateTime={each.at} title={f.moment(each.at)}>{f.ago(each.at)}</time>
            {each.who && <span className="timeline-who">{each.who}</span>}
          </div>
          {each.text && <p className="timeline-text">{each.text}</p>}
          {each.extra}
        </li>
      ))}
    </ol>
  );
}
