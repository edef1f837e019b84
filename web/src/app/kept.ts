/** What a person chose of the UI itself: the tour, the arrangement of the start page. */
import { useCallback, useState } from "react";
import { useSession } from "./session";

export interface Keeping<T> {
  value: T;
  keep: (next: T) => void;
  known: boolean;
}

/** A choice under its name; `read` makes sense of whatever was kept, and must be the same function each time. */
export function useKept<T>(name: string, read: (kept: unknown) => T): Keeping<T> {
  const { personId } = useSession();
  const key = `${name}:${personId}`;
  const [value, setValue] = useState(() => read(parsed(localStorage.getItem(key))));
  const keep = useCallback(
    (next: T) => {
      localStorage.setItem(key, JSON.stringify(next));
      setValue(next);
    },
    [key],
  );
  return { value, keep, known: true };
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
