import { words } from "@/i18n/words";

export const calendarWords = words({ calendar: "Calendar" }, { calendar: "日历" });
