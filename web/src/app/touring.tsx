/** Whether the first-use tour is offered, running or over, for one person. It can be left, gone on with and taken again. */
import { createContext, lazy, Suspense, useCallback, useContext, useMemo, useState, type ReactNode } from "react";
import { useKept } from "./kept";
import { readProgress, type Progress } from "./tourStops";

const TourSteps = lazy(() => import("./TourSteps"));

interface Touring {
  progress: Progress;
  /** Whether it is known what was done before. */
  known: boolean;
  running: boolean;
  /** Begin, or go on where it was left. */
  start: () => void;
  /** From its first stop, whatever was done before. */
  again: () => void;
  /** Not offered any more. */
  dismiss: () => void;
}
const TouringContext = createContext<Touring | null>(null);

export function useTour(): Touring {
  const tour = useContext(TouringContext);
  if (!tour) throw new Error("useTour is for pages in the frame");
  return tour;
}

export function TourProvider({ children }: { children: ReactNode }) {
  const { value: progress, keep, known } = useKept("tour", readProgress);
  const [running, setRunning] = useState(false);
  const start = useCallback(() => setRunning(true), []);
  const again = useCallback(() => {
    keep({ at: 0, over: progress.over });
    setRunning(true);
  }, [keep, progress.over]);
  const dismiss = useCallback(() => keep({ at: 0, over: true }), [keep]);
  const tour = useMemo(() => ({ progress, known, running, start, again, dismiss }), [progress, known, running, start, again, dismiss]);
  return (
    <TouringContext value={tour}>
      {children}
      {running && (
        <Suspense fallback={null}>
          <TourSteps
            at={progress.at}
            onMove={(at) => keep({ at, over: progress.over })}
            onClose={(finished) => {
              setRunning(false);
              if (finished) keep({ at: 0, over: true });
            }}
          />
        </Suspense>
      )}
    </TouringContext>
  );
}
