/** A control of a form whose value is a day, "2026-11-22"; the browser's own picker, which phones do best. */
import { Input } from "antd";

export function DayInput({ value, onChange, id, min }: { value?: string; onChange?: (day: string) => void; id?: string; min?: string }) {
  return <Input {...(id ? { id } : {})} type="date" value={value ?? ""} {...(min ? { min } : {})} onChange={(event) => onChange?.(event.target.value)} />;
}
