/** Whether the window is as narrow as a phone's: then cards instead of tables, and the bar at the bottom. */
import { useSyncExternalStore } from "react";

const narrow = matchMedia("screen and (max-width: 767px)"); // paper is as narrow, but takes tables
const subscribe = (changed: () => void) => {
  narrow.addEventListener("change", changed);
  return () => narrow.removeEventListener("change", changed);
};
export const usePhone = (): boolean => useSyncExternalStore(subscribe, () => narrow.matches);
