import csv
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from crm.ticketing.v1 import ticketing_service_pb2 as pb
from kernel.ids import derived_id
from testkit.real_data import folder_of

START = datetime(2012, 1, 2, 9, tzinfo=UTC)
LINES = ["Assign seriousness", "Take in charge ticket", "Wait", "Resolve ticket", "Closed"]


def a_row(ref, *names, **fields):
    lines = [
        pb.ImportedActivity(activity=name, at=START + timedelta(hours=n), assignee_id=str(derived_id(name)))
        for n, name in enumerate(names or LINES)
    ]
    return pb.ImportedTicket(external_ref=ref, category="software", activities=lines, **fields)


def bring_in(desk_of_two, *rows, import_id="i-1", check_only=False):
    request = pb.ImportTicketsRequest(import_id=import_id, tickets=rows, check_only=check_only)
    return desk_of_two.stub.ImportTickets(request).results


def test_a_history_keeps_its_dates_and_names_and_starts_no_clock(desk_of_two):
    (result,) = bring_in(desk_of_two, a_row("Case 1", attributes={"workgroup": "Value 1"}))
    assert result.outcome == pb.IMPORT_OUTCOME_CREATED
    ticket = desk_of_two.stub.GetTicket(pb.GetTicketRequest(ticket_id=result.ticket_id))
    assert ticket.ticket.status == pb.TICKET_STATUS_CLOSED
    assert ticket.ticket.opened_at.ToDatetime(tzinfo=UTC) == START
    assert ticket.attributes == {"workgroup": "Value 1"}
    steps = desk_of_two.stub.ListTicketSteps(pb.ListTicketStepsRequest(ticket_id=result.ticket_id)).steps
    assert [s.activity for s in steps if s.activity] == LINES
    desk_of_two.move(days=30)
    kinds = desk_of_two.kinds(result.ticket_id)
    assert not [k for k in kinds if k.startswith("Sla") or "Survey" in k]
    assert not desk_of_two.stub.ListSurveys(pb.ListSurveysRequest()).surveys


def test_a_row_is_brought_in_once_and_a_wrong_one_is_refused_alone(desk_of_two):
    wrong = a_row("Case 3")
    wrong.customer_id = "nobody"
    outcomes = [r.outcome for r in bring_in(desk_of_two, a_row("Case 1"), a_row("Case 2"), wrong)]
    assert outcomes == [pb.IMPORT_OUTCOME_CREATED, pb.IMPORT_OUTCOME_CREATED, pb.IMPORT_OUTCOME_REFUSED]
    again = bring_in(desk_of_two, a_row("Case 1"), a_row("Case 4"), import_id="i-2")
    assert [r.outcome for r in again] == [pb.IMPORT_OUTCOME_SKIPPED, pb.IMPORT_OUTCOME_CREATED]
    assert desk_of_two.stub.ListTickets(pb.ListTicketsRequest()).total_size == 3


def test_a_check_does_nothing(desk_of_two):
    (result,) = bring_in(desk_of_two, a_row("Case 1"), check_only=True)
    assert result.outcome == pb.IMPORT_OUTCOME_CREATED
    assert desk_of_two.stub.ListTickets(pb.ListTicketsRequest()).total_size == 0


def test_an_import_is_taken_back_except_what_was_worked_on_since(desk_of_two):
    first, second = bring_in(desk_of_two, a_row("Case 1"), a_row("Case 2"))
    desk_of_two.stub.ReopenTicket(pb.ReopenTicketRequest(ticket_id=second.ticket_id, reason="again"))
    preview = desk_of_two.stub.RevertImport(pb.RevertImportRequest(import_id="i-1", preview=True))
    assert desk_of_two.stub.ListTickets(pb.ListTicketsRequest()).total_size == 2
    reverted = desk_of_two.stub.RevertImport(pb.RevertImportRequest(import_id="i-1"))
    assert preview == reverted
    assert (reverted.withdrawn, list(reverted.changed_ticket_ids)) == (1, [second.ticket_id])
    listed = desk_of_two.stub.ListTickets(pb.ListTicketsRequest()).tickets
    assert [t.ticket_id for t in listed] == [second.ticket_id]
    assert desk_of_two.kinds(first.ticket_id)[-1] == "TicketWithdrawn"
    assert bring_in(desk_of_two, a_row("Case 1"), import_id="i-2")[0].outcome == pb.IMPORT_OUTCOME_CREATED


def test_the_first_thousand_cases_of_the_help_desk_keep_their_figures(desk_of_two):
    cases = defaultdict(list)
    with (folder_of("helpdesk_italian") / "helpdesk.csv").open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            at = datetime.strptime(row["Complete Timestamp"], "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=UTC)
            cases[row["Case ID"]].append((row["Activity"], at, str(derived_id(row["Resource"]))))
    chosen = dict(list(cases.items())[:1000])
    rows = [
        pb.ImportedTicket(
            external_ref=case,
            activities=[pb.ImportedActivity(activity=a, at=at, assignee_id=who) for a, at, who in lines],
        )
        for case, lines in chosen.items()
    ]
    for begin in range(0, len(rows), 500):
        bring_in(desk_of_two, *rows[begin : begin + 500], import_id="helpdesk")
    figures = desk_of_two.stub.GetImport(pb.GetImportRequest(import_id="helpdesk"))
    names = [[line[0] for line in lines] for lines in chosen.values()]
    assert figures.tickets == 1000
    assert figures.activities == sum(map(len, names))
    assert figures.closed == sum(n[-1] == "Closed" for n in names)
    assert figures.resolved_more_than_once == sum(n.count("Resolve ticket") > 1 for n in names)
    assert figures.ever_waited == sum("Wait" in n for n in names)
    assert figures.with_events_after_closing == sum("Closed" in n[:-1] for n in names)
