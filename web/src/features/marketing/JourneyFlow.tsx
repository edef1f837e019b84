/** The journey as a flow. Each step is a button; beside it how many people stand there now. */
import { BranchesOutlined, ClockCircleOutlined, GiftOutlined, LogoutOutlined, MailOutlined, TagOutlined } from "@ant-design/icons";
import type { ReactNode } from "react";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { Tag } from "@/ui/Tag";
import { layOut, STEP, type Step } from "./flow";
import { journeyWords } from "./journeyWords";
import type { Journey } from "./terms";

const dictionary = words({ yes: "yes", no: "no", end: "End", here: "{count} here", passed: "{count} passed", flow: "The journey as a flow" }, { yes: "是", no: "否", end: "结束", here: "{count} 人", passed: "已通过 {count}", flow: "旅程流程图" });
const icons: Partial<Record<Step["kind"], ReactNode>> = { STEP_KIND_SEND: <MailOutlined />, STEP_KIND_WAIT: <ClockCircleOutlined />, STEP_KIND_CONDITION: <BranchesOutlined />, STEP_KIND_TAG: <TagOutlined />, STEP_KIND_COUPON: <GiftOutlined />, STEP_KIND_EXIT: <LogoutOutlined /> };

export function JourneyFlow({ steps, counts, chosen, onChoose, describe }: { steps: readonly Step[]; counts: Journey["step_counts"]; chosen: string; onChoose: (id: string) => void; describe: (step: Step) => string }) {
  const t = useWords(dictionary);
  const say = useWords(journeyWords);
  const f = useFormats();
  const { placed, ways, width, height } = layOut(steps);
  const at = new Map(placed.map((each) => [each.id, each]));
  const middle = STEP.width / 2;
  return (
    <div className="flow" role="group" aria-label={t("flow")} tabIndex={0}>
      <div className="flow-sheet" style={{ width, height }}>
        <svg width={width} height={height} aria-hidden="true">
          {ways.map((way) => {
            const [from, to] = [at.get(way.from), at.get(way.to)];
            if (!from || !to) return null;
            const [x1, y1, x2, y2] = [from.x + middle, from.y + STEP.height, to.x + middle, to.y];
            const bend = Math.min(30, (y2 - y1) / 2);
            return (
              <g key={`${way.from}-${way.label}-${way.to}`}>
                <path className="flow-line" d={`M ${x1} ${y1} C ${x1} ${y1 + bend}, ${x2} ${y2 - bend}, ${x2} ${y2}`} />
                {way.label && <text className="flow-label" x={(x1 + x2) / 2 + (way.label === "yes" ? -8 : 8)} y={(y1 + y2) / 2 + 4} textAnchor={way.label === "yes" ? "end" : "start"}>{t(way.label)}</text>}
              </g>
            );
          })}
        </svg>
        {placed.map((each) => {
          const box = { left: each.x, top: each.y, width: STEP.width, height: each.step ? STEP.height : STEP.end };
          if (!each.step) return <span key={each.id} className="flow-step flow-end" style={{ ...box, left: each.x + middle - 36, width: 72, padding: 0, fontSize: 12 }}>{t("end")}</span>;
          const count = counts.find((one) => one.step_id === each.id);
          const waiting = Number(count?.waiting ?? 0);
          return (
            <button key={each.id} type="button" className="flow-step" style={box} aria-pressed={chosen === each.id} onClick={() => onChoose(each.id)}>
              <span className="flow-kind">{icons[each.step.kind]} {say(each.step.kind)} {waiting > 0 && <span className="flow-people"><Tag tone="brand">{t("here", { count: f.number(waiting) })}</Tag></span>}</span>
              <span className="flow-name clip">{each.step.name || describe(each.step)}</span>
              <span className="flow-counts clip">{count && count.taken !== "0" ? `${t("passed", { count: f.number(count.taken) })} · ` : ""}{describe(each.step)}</span>
            </button>
          );
        })}
      </div>
    </div>
  );
}
