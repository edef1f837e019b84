/** Backups to keep for oneself: sealed files, newest first. */
import { Button } from "antd";
import { useAsk } from "@/api/hooks";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Coded } from "@/ui/Coded";
import { Section } from "@/ui/Page";
import { Answered, Notice } from "@/ui/states";
import { adminWords } from "./words";

const MEBIBYTE = 1024 * 1024;

export function Backups() {
  const t = useWords(adminWords);
  const f = useFormats();
  const found = useAsk("/v1/backups", {}, { freshMs: 60_000 });
  return (
    <Section title={t("backups")}>
      <p className="quiet gap-below">{t("backups_text")}</p>
      <Answered of={found}>
        {({ backups, kept }) =>
          backups.length ? (
            <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("backups")}>
              <table className="conflict">
                <thead><tr><th scope="col">{t("backup_taken")}</th><th scope="col">{t("backup_size")}</th><th scope="col" /></tr></thead>
                <tbody>
                  {backups.map((each) => (
                    <tr key={each.backup_id}>
                      <td>{f.moment(each.taken_at)}</td>
                      <td>{f.number(Number(each.size_bytes) / MEBIBYTE, 1)} MB</td>
                      <td><Button size="small" href={`/v1/backups/${each.backup_id}:download`} download aria-label={`${t("backup_download")}: ${f.moment(each.taken_at)}`}>{t("backup_download")}</Button></td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          ) : (
            <Notice quiet title={t("backup_none")} text={<Coded text={t(kept ? "backup_how" : "backup_elsewhere")} />} />
          )
        }
      </Answered>
    </Section>
  );
}
