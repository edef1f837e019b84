"""Key accounts that several look after, customers that outsiders see for a while, and guests who see their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import RpcError, StatusCode

from crm.customer.v1 import collaboration_service_pb2 as pb
from crm.customer.v1 import customer_service_pb2 as customers
from crm.customer.v1.collaboration_service_pb2_grpc import CollaborationServiceStub
from customer.handovers import Handovers
from customer.projections.key_accounts import KEY_ACCOUNTS
from customer.projections.shares import SHARES
from kernel.auth import Caller
from kernel.ids import new_id
from kernel.rebuild import compare
from kernel.store import Cause
from testkit import a_caller, a_token
from testkit.grpc_server import patiently

MAY = ("customer.*.*",)


def collaboration(running: Any, caller: Caller) -> CollaborationServiceStub:
    return CollaborationServiceStub(patiently(running.channel, [("authorization", f"Bearer {a_token(caller)}")]))


def stamped(at: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(at)
    return message


@pytest.fixture
def owner() -> Caller:
    return a_caller(MAY, scope="own")


@pytest.fixture
def customer_id(running: Any, company: Any, owner: Caller) -> str:
    request = company(phones=["13800138000"], emails=["sales@yunshan.example"], remark="pays late", tags=["difficult"])
    request.contacts.add(name="王小明", position="采购经理", phones=["13900139000"])
    return str(running.ask(owner).RegisterCustomer(request).customer_id)


def sees(running: Any, caller: Caller, customer_id: str) -> bool:
    """Whether every way to read the customer agrees that he does; fails when they do not."""
    api = running.ask(caller)
    cards = api.BatchGetCustomers(customers.BatchGetCustomersRequest(customer_ids=[customer_id])).cards
    listed = api.ListCustomers(customers.ListCustomersRequest()).customers
    try:
        api.GetCustomer(customers.GetCustomerRequest(customer_id=customer_id))
    except RpcError as error:
        if error.code() is not StatusCode.NOT_FOUND:
            raise
        got = False
    else:
        got = True
    found = {got, bool(cards), customer_id in {card.customer_id for card in listed}}
    assert len(found) == 1, (got, cards, listed)
    return got


@pytest.mark.feature("CUS-40")
def test_members_of_a_key_account_share_view_plan_and_tasks_and_nobody_else(
    running: Any, customer_id: str, owner: Caller, refused: Any
) -> None:
    department = new_id()
    mate = a_caller(MAY, scope="own")
    colleague = a_caller(MAY, scope="own", teams=[new_id(), department])
    stranger = a_caller(MAY, scope="own", teams=[new_id()])
    assert [sees(running, who, customer_id) for who in (owner, mate, colleague)] == [True, False, False]
    with refused(StatusCode.NOT_FOUND):
        collaboration(running, mate).FormKeyAccountTeam(pb.FormKeyAccountTeamRequest(customer_id=customer_id))
    collaboration(running, owner).FormKeyAccountTeam(
        pb.FormKeyAccountTeamRequest(
            customer_id=customer_id,
            members=[
                pb.KeyAccountMemberDraft(member_id=str(mate.person_id), duty="delivery"),
                pb.KeyAccountMemberDraft(member_id=str(department), is_team=True, duty="finance"),
            ],
        )
    )
    assert [sees(running, who, customer_id) for who in (mate, colleague, stranger)] == [True, True, False]

    # one plan
    goal_id = (
        collaboration(running, mate)
        .SetKeyAccountGoal(
            pb.SetKeyAccountGoalRequest(
                customer_id=customer_id, title="second plant", due_on="2027-03-31", owner_id=str(colleague.person_id)
            )
        )
        .goal_id
    )
    # one list of tasks, to be done by whoever comes to it
    due = stamped(datetime.now(UTC) + timedelta(days=1))
    task = customers.PlanFollowUpRequest(customer_id=customer_id, due_at=due, subject="send drawings")
    task_id = running.ask(owner).PlanFollowUp(task).follow_up_id
    asked = pb.GetKeyAccountRequest(customer_id=customer_id)
    shown = [collaboration(running, who).GetKeyAccount(asked) for who in (owner, mate, colleague)]
    assert shown[0] == shown[1] == shown[2]
    assert {member.member_id for member in shown[0].members} == {str(mate.person_id), str(department)}
    assert [(goal.title, goal.due_on, goal.state) for goal in shown[0].goals] == [
        ("second plant", "2027-03-31", pb.GOAL_STATE_OPEN)
    ]
    assert [it.follow_up_id for it in shown[0].tasks] == [task_id]
    running.ask(colleague).CompleteFollowUp(customers.CompleteFollowUpRequest(follow_up_id=task_id))
    collaboration(running, colleague).CloseKeyAccountGoal(
        pb.CloseKeyAccountGoalRequest(customer_id=customer_id, goal_id=goal_id, reached=True)
    )
    shown_then = collaboration(running, owner).GetKeyAccount(asked)
    assert ([goal.state for goal in shown_then.goals], len(shown_then.tasks)) == ([pb.GOAL_STATE_REACHED], 0)
    listed = collaboration(running, mate).ListKeyAccounts(pb.ListKeyAccountsRequest()).key_accounts
    assert [(row.customer_id, row.members) for row in listed] == [(customer_id, 2)]

    # a member works on the customer, but it stays the owner's
    running.ask(mate).LogActivity(customers.LogActivityRequest(customer_id=customer_id, kind=1, content="called"))
    for refusal in (
        lambda: running.ask(mate).ArchiveCustomer(customers.ArchiveCustomerRequest(customer_id=customer_id)),
        lambda: collaboration(running, mate).DissolveKeyAccountTeam(
            pb.DissolveKeyAccountTeamRequest(customer_id=customer_id)
        ),
    ):
        with refused(StatusCode.PERMISSION_DENIED):
            refusal()
    for refusal in (
        lambda: collaboration(running, stranger).GetKeyAccount(asked),
        lambda: collaboration(running, stranger).SetKeyAccountGoal(
            pb.SetKeyAccountGoalRequest(customer_id=customer_id, title="x", due_on="2027-03-31")
        ),
        lambda: running.ask(stranger).MoveFollowUp(customers.MoveFollowUpRequest(follow_up_id=task_id, due_at=due)),
    ):
        with refused(StatusCode.NOT_FOUND):
            refusal()

    # leaving ends it, at once
    collaboration(running, owner).RemoveKeyAccountMember(
        pb.RemoveKeyAccountMemberRequest(customer_id=customer_id, member_id=str(department), reason="done")
    )
    assert [sees(running, who, customer_id) for who in (mate, colleague)] == [True, False]
    collaboration(running, owner).DissolveKeyAccountTeam(pb.DissolveKeyAccountTeamRequest(customer_id=customer_id))
    assert [sees(running, who, customer_id) for who in (owner, mate)] == [True, False]
    found = collaboration(running, owner).ListCustomerAccess(pb.ListCustomerAccessRequest(customer_id=customer_id))
    assert [(it.grantee_id, it.through, it.HasField("to_at")) for it in found.access] == [
        (str(mate.person_id), "key_account", True),
        (str(department), "key_account", True),
    ]
    for view in (KEY_ACCOUNTS, SHARES):
        assert compare(running.service, view).equal, view.name


@pytest.mark.feature("CUS-40")
def test_a_successor_takes_a_leavers_place_in_key_accounts_his_goals_and_his_groups(
    running: Any, customer_id: str, owner: Caller
) -> None:
    leaver, heir = a_caller(MAY, scope="own"), a_caller(MAY, scope="own")
    assert leaver.person_id
    assert heir.person_id
    member = pb.KeyAccountMemberDraft(member_id=str(leaver.person_id), duty="delivery")
    api = collaboration(running, owner)
    api.FormKeyAccountTeam(pb.FormKeyAccountTeamRequest(customer_id=customer_id, members=[member]))
    api.SetKeyAccountGoal(
        pb.SetKeyAccountGoalRequest(
            customer_id=customer_id, title="renew", due_on="2027-01-31", owner_id=str(leaver.person_id)
        )
    )
    running.ask(leaver).SaveCustomerGroup(customers.SaveCustomerGroupRequest(name="mine"))
    with running.service.store.transaction(Cause.of("service:test")) as tx:
        Handovers().order_handover(tx, leaver.person_id, heir.person_id, [], "left", False)
    running.pass_time(seconds=1)
    shown = api.GetKeyAccount(pb.GetKeyAccountRequest(customer_id=customer_id))
    assert [(it.member_id, it.duty) for it in shown.members] == [(str(heir.person_id), "delivery")]
    assert [it.owner_id for it in shown.goals] == [str(heir.person_id)]
    assert [sees(running, who, customer_id) for who in (heir, leaver)] == [True, False]
    groups = [
        running.ask(who).ListCustomerGroups(customers.ListCustomerGroupsRequest()).groups for who in (heir, leaver)
    ]
    assert [[it.name for it in each] for each in groups] == [["mine"], []]


def test_a_merged_customers_team_sees_the_survivor(running: Any, company: Any, customer_id: str, owner: Caller) -> None:
    mate = a_caller(MAY, scope="own")
    collaboration(running, owner).FormKeyAccountTeam(
        pb.FormKeyAccountTeamRequest(
            customer_id=customer_id, members=[pb.KeyAccountMemberDraft(member_id=str(mate.person_id))]
        )
    )
    other = running.ask().RegisterCustomer(company("Beta Ltd", owner_id=str(new_id()))).customer_id
    running.ask().MergeCustomers(customers.MergeCustomersRequest(survivor_id=other, absorbed_id=customer_id))
    assert [
        card.customer_id for card in running.ask(mate).ListCustomers(customers.ListCustomersRequest()).customers
    ] == [other]


# -- outsiders -----------------------------------------------------------------------------------


def a_partner(firm: str = "") -> Caller:
    return a_caller(("customer.customer.read",), guest_of=UUID(firm) if firm else new_id())


def share(running: Any, owner: Caller, grantee_id: object, customer_id: str, *classes: str, **fields: Any) -> str:
    request = pb.ShareCustomersRequest(
        grantee_id=str(grantee_id),
        customer_ids=[customer_id],
        field_classes=classes,
        ends_at=stamped(datetime.now(UTC) + timedelta(days=30)),
        **fields,
    )
    return str(collaboration(running, owner).ShareCustomers(request).share_id)


@pytest.mark.feature("CUS-41")
def test_an_outsider_sees_the_chosen_fields_of_the_chosen_customers_and_nothing_else(
    running: Any, company: Any, customer_id: str, owner: Caller, refused: Any
) -> None:
    other_id = running.ask(owner).RegisterCustomer(company("Other GmbH")).customer_id
    partner, rival = a_partner(), a_partner()
    share(running, owner, partner.person_id, customer_id, "name", "email")
    assert [sees(running, partner, id_) for id_ in (customer_id, other_id)] == [True, False]
    assert not sees(running, rival, customer_id)
    got = running.ask(partner).GetCustomer(customers.GetCustomerRequest(customer_id=customer_id))
    assert got.profile.name == got.card.name == "上海云杉精密仪器有限公司"
    assert list(got.profile.emails) == ["sales@yunshan.example"]
    assert [contact.name for contact in got.contacts] == ["王小明"]
    card = running.ask(partner).ListCustomers(customers.ListCustomersRequest()).customers[0]
    for hidden in ("138", "139", "pays late", "difficult", "采购经理", str(owner.person_id)):
        assert hidden not in f"{got}{card}"
        assert hidden.encode() not in got.SerializeToString() + card.SerializeToString()
    # words and filters would tell what is hidden; commands are not his
    with refused(StatusCode.PERMISSION_DENIED):
        running.ask(partner).ListCustomers(customers.ListCustomersRequest(query="138"))
    everything = a_caller(("*",), person_id=partner.person_id, guest_of=partner.guest_of)
    for refusal in (
        lambda: running.ask(everything).GetTimeline(customers.GetTimelineRequest(customer_id=customer_id)),
        lambda: running.ask(everything).SearchCustomers(customers.SearchCustomersRequest()),
        lambda: running.ask(everything).ArchiveCustomer(customers.ArchiveCustomerRequest(customer_id=customer_id)),
        lambda: collaboration(running, everything).ListShares(pb.ListSharesRequest()),
    ):
        with refused(StatusCode.PERMISSION_DENIED):
            refusal()
    # all guests of a firm, and no contact where nothing of him is shown
    partners = a_partner(other_id)
    share(running, owner, other_id, customer_id, "amount")
    assert not running.ask(partners).GetCustomer(customers.GetCustomerRequest(customer_id=customer_id)).contacts


@pytest.mark.feature("CUS-41")
def test_a_share_ends_by_its_date_by_hand_and_with_its_project(
    running: Any, customer_id: str, owner: Caller, refused: Any
) -> None:
    by_date, by_hand, by_project, staying = a_partner(), a_partner(), a_partner(), a_partner()
    share(running, owner, by_date.person_id, customer_id, "name")
    by_hand_id = share(running, owner, by_hand.person_id, customer_id, "name")
    share(running, owner, by_project.person_id, customer_id, "name", project="plant 2")
    everybody = (by_date, by_hand, by_project)
    assert [sees(running, who, customer_id) for who in everybody] == [True, True, True]
    stranger = collaboration(running, a_caller(MAY, scope="own"))
    with refused(StatusCode.NOT_FOUND):
        stranger.RevokeShare(pb.RevokeShareRequest(share_id=by_hand_id))
    assert stranger.EndSharedProject(pb.EndSharedProjectRequest(project="plant 2")).ended == 0
    assert not stranger.ListShares(pb.ListSharesRequest(include_ended=True)).shares

    mine = collaboration(running, owner)
    mine.RevokeShare(pb.RevokeShareRequest(share_id=by_hand_id, reason="contract ended"))
    assert mine.EndSharedProject(pb.EndSharedProjectRequest(project="plant 2")).ended == 1
    assert [sees(running, who, customer_id) for who in everybody] == [True, False, False]
    assert running.pass_time(days=29) == 0
    assert running.pass_time(days=31) == 1
    assert not sees(running, by_date, customer_id)
    ended = mine.ListShares(pb.ListSharesRequest(customer_id=customer_id, include_ended=True)).shares
    assert sorted(it.reason for it in ended) == ["contract ended", "expired", "project ended"]
    assert not mine.ListShares(pb.ListSharesRequest(customer_id=customer_id)).shares

    running.service.store.clock = lambda: datetime.now(UTC) - timedelta(days=60)  # a timer that never fires
    with running.service.store.transaction(Cause.of(f"person:{owner.person_id}")) as tx:
        late = running.service.apis[-1][1]._collaboration
        ends = datetime.now(UTC) - timedelta(seconds=1)
        assert staying.person_id
        late.share_customers(tx, owner, staying.person_id, [UUID(customer_id)], ["name"], ends, "")
    assert not sees(running, staying, customer_id), "its date has passed, whether the timer fired or not"


@pytest.mark.feature("CUS-41")
def test_only_one_who_has_the_customer_may_share_it_and_only_for_a_while(
    running: Any, customer_id: str, owner: Caller, refused: Any
) -> None:
    with refused(StatusCode.NOT_FOUND):
        share(running, a_caller(MAY, scope="own"), new_id(), customer_id, "name")
    with refused(StatusCode.INVALID_ARGUMENT) as refusal:
        share(running, owner, new_id(), customer_id, "cost")
    assert "field_classes" in refusal.details
    for days in (-1, 400):
        late = stamped(datetime.now(UTC) + timedelta(days=days))
        with refused(StatusCode.INVALID_ARGUMENT):
            collaboration(running, owner).ShareCustomers(
                pb.ShareCustomersRequest(grantee_id=str(new_id()), customer_ids=[customer_id], ends_at=late)
            )


@pytest.mark.feature("IDN-16")
def test_a_guest_sees_his_own_customer_and_nothing_that_staff_wrote_of_it(
    running: Any, company: Any, customer_id: str, owner: Caller
) -> None:
    other_id = running.ask(owner).RegisterCustomer(company("Other GmbH")).customer_id
    guest = a_partner(customer_id)
    assert [sees(running, guest, id_) for id_ in (customer_id, other_id)] == [True, False]
    got = running.ask(guest).GetCustomer(customers.GetCustomerRequest(customer_id=customer_id))
    assert list(got.profile.phones) == ["+8613800138000"]
    assert got.contacts[0].position == "采购经理"
    for written_by_staff in ("pays late", "difficult", str(owner.person_id)):
        assert written_by_staff not in f"{got}"
    assert (got.card.status, got.card.level, got.level_reason.reason) == (0, 0, "")
