import csv
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import reduce
from uuid import UUID

from testkit.real_data import folder_of
from ticketing.domain.history import KNOWN_ACTIVITIES, Activity, retell
from ticketing.domain.ticket import evolve
from ticketing.domain.ticket_events import (
    TicketClosed,
    TicketImported,
    TicketOpened,
    TicketPutOnHold,
    TicketResolved,
)
from ticketing.domain.vocabulary import Channel, Priority, Status

ID = UUID(int=1)
START = datetime(2012, 1, 2, 9, tzinfo=UTC)
opened = TicketOpened(
    ID, None, None, ID, Channel.IMPORT, "software", Priority.NORMAL, "", "", "", False, "Case 1", None, "i-1",
    "", None, {},
)  # fmt: skip


def lines(*names):
    return [Activity(name, START + timedelta(hours=n), assignee_id=UUID(int=7)) for n, name in enumerate(names)]


def retold(*names):
    events = [event for event, _ in retell(opened, "", lines(*names))]
    return events, reduce(evolve, events, None)


def test_every_line_is_one_event_that_keeps_its_name_and_its_date():
    names = ["Assign seriousness", "Take in charge ticket", "Wait", "Resolve ticket", "Closed"]
    dated = retell(opened, "", lines(*names))
    named = [(event.activity, at) for event, at in dated if getattr(event, "activity", "")]
    assert named == [(name, START + timedelta(hours=n)) for n, name in enumerate(names)]
    assert isinstance(dated[-1][0], TicketImported)


def test_resolving_twice_is_two_resolutions():
    events, ticket = retold("Insert ticket", "Resolve ticket", "Resolve ticket", "Closed")
    assert sum(isinstance(e, TicketResolved) for e in events) == 2
    assert ticket.status == Status.CLOSED


def test_work_after_closing_opens_the_ticket_again():
    _, ticket = retold("Assign seriousness", "Resolve ticket", "Closed", "Take in charge ticket")
    assert ticket.status == Status.IN_PROGRESS


def test_the_state_of_a_software_defect_is_not_a_resolution():
    events, _ = retold("Insert ticket", "Resolve ticket", "RESOLVED", "INVALID", "Closed", "VERIFIED")
    assert sum(isinstance(e, TicketResolved) for e in events) == 1


def test_the_help_desk_log_is_retold_to_its_own_figures():
    cases = defaultdict(list)
    with (folder_of("helpdesk_italian") / "helpdesk.csv").open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            at = datetime.strptime(row["Complete Timestamp"], "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=UTC)
            cases[row["Case ID"]].append(Activity(row["Activity"], at, assignee_id=UUID(int=7)))
    assert {line.activity.lower() for case in cases.values() for line in case} <= set(KNOWN_ACTIVITIES)
    named = ended_closed = resolved_again = waited = after_closing = 0
    for case in cases.values():
        events = [event for event, _ in retell(opened, "", case)]
        activities = [event for event in events if getattr(event, "activity", "")]
        named += len(activities)
        ended_closed += reduce(evolve, events, None).status == Status.CLOSED
        resolved_again += sum(isinstance(e, TicketResolved) for e in events) > 1
        waited += any(isinstance(e, TicketPutOnHold) for e in events)
        after_closing += any(isinstance(e, TicketClosed) for e in activities[:-1])
    assert (len(cases), named) == (4580, 21348)
    assert (ended_closed, resolved_again, waited, after_closing) == (4557, 386, 1236, 17)
