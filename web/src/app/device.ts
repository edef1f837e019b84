/** What this device keeps of one person: the pages that were seen, what was done off-line, what was typed. */
import { outbox } from "@/api/outbox";

const OWNER = "device-of";

/** Forget all of it: at sign-out, and before somebody else uses the device. */
export async function forgetDevice(): Promise<void> {
  await outbox.clear();
  navigator.serviceWorker?.controller?.postMessage("forget");
  for (const key of Object.keys(localStorage)) if (key.startsWith("draft:")) localStorage.removeItem(key);
  localStorage.removeItem(OWNER);
}

/** The device is this person's now; what it kept of another one is forgotten, not shown to him and not sent in his name. */
export async function claimDevice(personId: string): Promise<void> {
  const before = localStorage.getItem(OWNER);
  if (before !== null && before !== personId) await forgetDevice();
  localStorage.setItem(OWNER, personId);
}
