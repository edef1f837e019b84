/** The time slider: any record and any list as of any second since day one, under every page. Loaded once somebody looks back. */
import { HistoryOutlined } from "@ant-design/icons";
import { Button, DatePicker, Segmented, Slider } from "antd";
import dayjs from "dayjs";
import { useEffect, useState } from "react";
import { useAsOf, type Moment } from "@/api/asOf";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { usePhone } from "@/ui/phone";
import { useLook } from "./TimeButton";

const dictionary = words(
  { time: "Look at an earlier moment", strip: "You see everything as of {when}. Nothing can be changed.", now: "Back to now", recorded: "As known then", effective: "As true then", hour: "1 hour", day: "1 day", month: "1 month", year: "1 year", span: "How far back the slider reaches", slider: "Moment" },
  { time: "查看历史时刻", strip: "您看到的是 {when} 的状态，此时不能修改。", now: "回到现在", recorded: "当时所知", effective: "当时实情", hour: "1 小时", day: "1 天", month: "1 个月", year: "1 年", span: "滑块范围", slider: "时刻" },
);
const SPANS = { hour: 3_600_000, day: 86_400_000, month: 2_678_400_000, year: 31_622_400_000 } as const;
type Span = keyof typeof SPANS;
const STEPS = 500;

export default function TimeStrip() {
  const t = useWords(dictionary);
  const f = useFormats();
  const look = useLook();
  const phone = usePhone();
  const moment = useAsOf();
  const [span, setSpan] = useState<Span>("day");
  const [dragged, setDragged] = useState<number>();
  useEffect(() => setDragged(undefined), [moment.at]);
  if (!moment.at) return null;
  const now = Date.now();
  const step = SPANS[span] / STEPS;
  const place = STEPS - Math.min(STEPS, Math.max(0, Math.round((now - Date.parse(moment.at)) / step)));
  const at = (value: number) => new Date(now - (STEPS - value) * step);
  return (
    <div className="strip time-strip" role="region" aria-label={t("time")}>
      <span role="status"><HistoryOutlined aria-hidden /> {t("strip", { when: f.moment(dragged === undefined ? moment.at : at(dragged)) })}</span>
      <Slider
        className="time-slider"
        min={0}
        max={STEPS}
        value={dragged ?? place}
        tooltip={{ formatter: (value) => f.moment(at(value ?? 0)) }}
        ariaLabelForHandle={t("slider")}
        onChange={setDragged}
        onChangeComplete={(value) => look({ ...moment, at: at(Math.min(value, STEPS - 1)).toISOString() })}
      />
      {!phone && <Segmented<Span> size="small" value={span} onChange={setSpan} aria-label={t("span")} options={(Object.keys(SPANS) as Span[]).map((value) => ({ value, label: t(value) }))} />}
      <DatePicker size="small" allowClear={false} showTime value={dayjs(moment.at)} maxDate={dayjs()} aria-label={t("slider")} onChange={(next) => next && look({ ...moment, at: next.toISOString() })} />
      <Segmented<Moment["clock"]> size="small" value={moment.clock} onChange={(clock) => look({ ...moment, clock })} options={[{ value: "recorded", label: t("recorded") }, { value: "effective", label: t("effective") }]} />
      <Button size="small" type="primary" onClick={() => look({ at: "", clock: "recorded" })}>{t("now")}</Button>
    </div>
  );
}
