/** The overlay of all keys. */
import { Modal } from "antd";
import { say, useLanguage, useWords } from "@/i18n/words";
import { features } from "./features";
import { useSession } from "./session";
import { shellWords } from "./words";

export default function Keys({ onClose }: { onClose: () => void }) {
  const t = useWords(shellWords);
  const { language } = useLanguage();
  const { may } = useSession();
  const goTo = features.flatMap((each) =>
    (each.shortcuts ?? []).filter((s) => !s.permission || may(s.permission)).map((s) => ({ keys: s.keys.split(" "), text: say(each.words, language)(s.label) })),
  );
  const groups = [
    { title: t("anywhere"), rows: [{ keys: ["Ctrl K"], text: t("open_search") }, { keys: ["/"], text: t("open_search") }, { keys: ["?"], text: t("show_keys") }, { keys: ["Esc"], text: t("close") }] },
    { title: t("in_lists"), rows: [{ keys: ["j"], text: t("next_row") }, { keys: ["k"], text: t("previous_row") }, { keys: ["Enter"], text: t("open_row") }, { keys: ["x"], text: t("select_row") }, { keys: ["f"], text: t("filter_list") }] },
    { title: t("go_to"), rows: goTo },
  ];
  return (
    <Modal open onCancel={onClose} footer={null} title={t("keys")} width={680}>
      <div className="keys">
        {groups.map((group) => (
          <section key={group.title}>
            <h3>{group.title}</h3>
            <dl>
              {group.rows.map((row) => (
                <div key={row.keys.join()}>
                  <dt>
                    {row.keys.map((key, i) => (
                      <kbd key={i}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{row.text}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}
