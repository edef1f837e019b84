/** The frame of a page: where one is, what it is, what can be done, and then the content. */
import { useEffect, type ReactNode } from "react";
import { Link } from "react-router";

interface Props {
  title: string;
  /** Shown instead of the plain title: a name with its tags. */
  heading?: ReactNode;
  above?: { to: string; label: string };
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** As wide as the window: boards and tables. */
  wide?: boolean;
}

export function Page({ title, heading, above, note, actions, children, wide = false }: Props) {
  useEffect(() => {
    document.title = `${title} · Headwater`;
  }, [title]);
  return (
    <div className={wide ? "page page-wide" : "page"}>
      <header className="page-head">
        <div className="page-title">
          {above && (
            <Link className="page-above" to={above.to}>
              ← {above.label}
            </Link>
          )}
          <h1>{heading ?? title}</h1>
          {note && <div className="page-note">{note}</div>}
        </div>
        {actions && <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A titled part of a page. */
export function Section({ title, extra, children, flush = false }: { title?: ReactNode; extra?: ReactNode; children: ReactNode; flush?: boolean }) {
  return (
    <section className={flush ? "section section-flush" : "section"}>
      {(title || extra) && (
        <header className="section-head">
          {title && <h2>{title}</h2>}
          {extra && <div className="section-extra">{extra}</div>}
        </header>
      )}
      {children}
    </section>
  );
}
