/** Where the record lives that an event tells of; known by the event's name. */
import { places, type RecordKind } from "@/app/places";

const KINDS: readonly [RegExp, RecordKind][] = [
  [/^(Customer|Contact|Owner|Tags|Level)/, "customer"], [/^Lead/, "lead"], [/^(Opportunity|Amount|ExpectedClose|NextStep)/, "opportunity"], [/^Quote/, "quote"], [/^(Order|Receivable|Payment)/, "order"],
  [/^Contract/, "contract"], [/^Approval/, "approval"], [/^(Ticket|Sla)/, "ticket"], [/^Campaign/, "campaign"], [/^Segment/, "segment"], [/^Journey/, "journey"], [/^Form/, "form"], [/^Person/, "person"],
];

export function placeOfRecord(event: { event_type: string; record_id: string } | undefined): string | undefined {
  const kind = KINDS.find(([pattern]) => pattern.test(event?.event_type ?? ""))?.[1];
  return kind && event ? places[kind](event.record_id) : undefined;
}
