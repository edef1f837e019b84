"""gRPC in, application calls out. No decisions here."""

from __future__ import annotations

from functools import reduce
from uuid import UUID

from crm.customer.v1 import activity_events_pb2 as activity_pb
from crm.customer.v1 import customer_events_pb2 as customer_pb
from crm.customer.v1 import customer_service_pb2 as pb
from crm.customer.v1 import policy_events_pb2 as policy_pb
from customer import import_template
from customer.application import Customers, NewActivity
from customer.domain import policy as policies
from customer.domain.activity import ActivityKind, ActivityOutcome
from customer.domain.customer import CustomerStatus, FieldChoice
from customer.domain.follow_up import FollowUpState
from customer.domain.policy import ContactInterval, CustomerLevel, Policy
from customer.domain.profile import Profile
from customer.domain.standards import missing_for_active
from customer.entrypoints.messages import (
    attachment_in,
    candidate_out,
    card_out,
    contact_in,
    contact_out,
    entry_out,
    enum_in,
    filter_in,
    filter_json,
    filter_of_json,
    follow_up_out,
    moment,
    new_customer,
    profile_in,
    profile_out,
    required_moment,
    result_out,
    rule_in,
    rule_out,
    stamp,
    text_of,
    uuids,
)
from customer.importer import DuplicatePolicy, Importer, Options, PastActivity, Row
from customer.projections import duplicates, follow_ups, groups, search, timeline
from customer.projections import policies as policies_view
from customer.projections.duplicates import Sought
from customer.projections.filters import Compiler, Condition, Operator
from customer.projections.search import Card, Wanted
from customer.projections.sight import Sight, sight
from customer.reference_data import ReferenceData
from kernel.errors import InvalidArgument, NotFound
from kernel.request import Page
from kernel.reversals import Reason
from kernel.rpc import Call, optional_text, optional_uuid, page_of, required_text, required_uuid
from kernel.vault import unseal_bytes

_MOST_CARDS = 500
_OF_CONTACTS = frozenset(("name", "phone", "email", "personal"))
"""Field classes without which a contact shows nothing."""
_POLICIES = {
    pb.DUPLICATE_POLICY_UNSPECIFIED: DuplicatePolicy.SKIP,
    pb.DUPLICATE_POLICY_SKIP: DuplicatePolicy.SKIP,
    pb.DUPLICATE_POLICY_OVERWRITE: DuplicatePolicy.OVERWRITE,
    pb.DUPLICATE_POLICY_MERGE: DuplicatePolicy.MERGE,
    pb.DUPLICATE_POLICY_CREATE_ANYWAY: DuplicatePolicy.CREATE_ANYWAY,
}


class CustomerApi:
    """One method per RPC of CustomerService."""

    def __init__(self, customers: Customers, reference: ReferenceData) -> None:
        self._customers = customers
        self._importer = Importer(customers)
        self._reference = reference
        self._filters = Compiler(reference.standards.industries, reference.standards.regions)

    # -- customers --

    def RegisterCustomer(self, request: pb.RegisterCustomerRequest, call: Call) -> pb.RegisterCustomerResponse:
        customer_id, version, contact_ids = self._customers.register_customer(
            call.transaction(),
            call.caller,
            new_customer(request, request.phone_region),
            optional_uuid(request, "customer_id"),
            request.allow_duplicates,
        )
        return pb.RegisterCustomerResponse(
            customer_id=str(customer_id), version=version, contact_ids=[str(c) for c in contact_ids]
        )

    def GetCustomer(self, request: pb.GetCustomerRequest, call: Call) -> pb.GetCustomerResponse:
        card = self._card(call, required_uuid(request, "customer_id"))
        row, cursor = card.row, call.query()
        root = row["customer_id"]
        contacts = search.contacts_of(cursor, root)
        missing = []
        if row["status"] in (CustomerStatus.ACTIVE, CustomerStatus.SILENT):
            known = Profile(
                industry_code=row["industry_code"],
                region_code=row["region_code"],
                phones=tuple(row["phones"]),
                emails=tuple(row["emails"]),
            )
            missing = missing_for_active(known, any(c["phones"] or c["emails"] for c in contacts))
        response = pb.GetCustomerResponse(
            card=card_out(card),
            profile=profile_out(row),
            contacts=[contact_out(contact, root) for contact in contacts],
            consents=[
                pb.Consent(
                    contact_id=consent["contact_id"],
                    channel=consent["channel"],
                    purpose=consent["purpose"],
                    source=consent["source"],
                    given_at=stamp(consent["given_at"]),
                    wording=consent["wording"],
                    recorded_by=consent["recorded_by"],
                )
                for consent in search.consents_of(cursor, root)
            ],
            version=row["version"],
            missing_fields=missing,
            absorbed_ids=[str(absorbed) for absorbed in card.figures.absorbed_ids],
            level_reason=pb.LevelReason(
                rule_id=row["level_rule_id"],
                rule_set_version=row["level_rule_set_version"],
                reason=row["level_reason"],
                pinned=row["level_pinned"],
            ),
        )
        seen = sight(cursor, call.caller)
        if root in seen.shared and not seen.shared[root] & _OF_CONTACTS:
            response.ClearField("contacts")
        seen.conceal(response, root)
        return response

    def ReviseCustomer(self, request: pb.ReviseCustomerRequest, call: Call) -> pb.ReviseCustomerResponse:
        tx, customer_id = call.transaction(), required_uuid(request, "customer_id")
        kind = self._customers.seen(tx, call.caller, customer_id).kind
        version = self._customers.revise_customer(
            tx,
            call.caller,
            customer_id,
            request.expected_version,
            profile_in(request.profile, kind),
            list(request.fields),
            request.phone_region,
        )
        return pb.ReviseCustomerResponse(version=version)

    def ArchiveCustomer(self, request: pb.ArchiveCustomerRequest, call: Call) -> pb.ArchiveCustomerResponse:
        version = self._customers.archive_customer(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            optional_text(request, "reason", 500),
        )
        return pb.ArchiveCustomerResponse(version=version)

    def RestoreCustomer(self, request: pb.RestoreCustomerRequest, call: Call) -> pb.RestoreCustomerResponse:
        version = self._customers.restore_customer(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            optional_text(request, "reason", 500),
        )
        return pb.RestoreCustomerResponse(version=version)

    def ChangeCustomerStatus(
        self, request: pb.ChangeCustomerStatusRequest, call: Call
    ) -> pb.ChangeCustomerStatusResponse:
        to_status = enum_in(CustomerStatus, request.to_status, "to_status")
        if to_status is CustomerStatus.UNSPECIFIED:
            raise InvalidArgument("to_status", "is required")
        version = self._customers.change_status(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            to_status,
            optional_text(request, "reason", 500),
        )
        return pb.ChangeCustomerStatusResponse(version=version)

    def ChangeTags(self, request: pb.ChangeTagsRequest, call: Call) -> pb.ChangeTagsResponse:
        changed = self._customers.change_tags(
            call.transaction(),
            call.caller,
            uuids(request.customer_ids, "customer_ids"),
            list(request.add),
            list(request.remove),
        )
        return pb.ChangeTagsResponse(changed=changed)

    def TransferCustomers(self, request: pb.TransferCustomersRequest, call: Call) -> pb.TransferCustomersResponse:
        transferred, remaining = self._customers.transfer_customers(
            call.transaction(),
            call.caller,
            uuids(request.customer_ids, "customer_ids"),
            optional_uuid(request, "from_owner_id"),
            required_uuid(request, "to_owner_id"),
            optional_text(request, "reason", 500),
        )
        return pb.TransferCustomersResponse(transferred=transferred, remaining=remaining)

    def AssignLevel(self, request: pb.AssignLevelRequest, call: Call) -> pb.AssignLevelResponse:
        version = self._customers.assign_level(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            enum_in(CustomerLevel, request.level, "level"),
            optional_text(request, "reason", 500),
        )
        return pb.AssignLevelResponse(version=version)

    # -- contacts and consents --

    def AddContact(self, request: pb.AddContactRequest, call: Call) -> pb.AddContactResponse:
        contact = contact_in(request.contact, "contact")
        version = self._customers.add_contact(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            contact,
            request.contact.is_primary,
            request.phone_region,
        )
        return pb.AddContactResponse(contact_id=str(contact.contact_id), version=version)

    def ReviseContact(self, request: pb.ReviseContactRequest, call: Call) -> pb.ReviseContactResponse:
        contact_id = required_uuid(request, "contact_id")
        version = self._customers.revise_contact(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            contact_in(request.contact, "contact", contact_id),
            request.contact.is_primary,
            request.phone_region,
        )
        return pb.ReviseContactResponse(version=version)

    def RemoveContact(self, request: pb.RemoveContactRequest, call: Call) -> pb.RemoveContactResponse:
        version = self._customers.remove_contact(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            required_uuid(request, "contact_id"),
            optional_text(request, "reason", 500),
        )
        return pb.RemoveContactResponse(version=version)

    def GiveConsent(self, request: pb.GiveConsentRequest, call: Call) -> pb.GiveConsentResponse:
        version = self._customers.give_consent(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            optional_uuid(request, "contact_id"),
            required_text(request, "channel"),
            required_text(request, "purpose"),
            required_text(request, "source"),
            optional_text(request, "wording", 5000),
        )
        return pb.GiveConsentResponse(version=version)

    def WithdrawConsent(self, request: pb.WithdrawConsentRequest, call: Call) -> pb.WithdrawConsentResponse:
        version = self._customers.withdraw_consent(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            optional_uuid(request, "contact_id"),
            required_text(request, "channel"),
            required_text(request, "purpose"),
            optional_text(request, "source"),
        )
        return pb.WithdrawConsentResponse(version=version)

    # -- activities and follow-ups --

    def LogActivity(self, request: pb.LogActivityRequest, call: Call) -> pb.LogActivityResponse:
        activity_id, follow_up_id = self._customers.log_activity(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            NewActivity(
                enum_in(ActivityKind, request.kind, "kind"),
                enum_in(ActivityOutcome, request.outcome, "outcome"),
                optional_uuid(request, "contact_id"),
                optional_text(request, "content", 20_000),
                optional_text(request, "result", 2_000),
                tuple(attachment_in(attachment) for attachment in request.attachments),
                moment(request, "happened_at"),
                moment(request, "next_contact_at"),
                optional_text(request, "next_subject", 500),
                optional_uuid(request, "completes_follow_up_id"),
            ),
        )
        return pb.LogActivityResponse(activity_id=str(activity_id), follow_up_id=text_of(follow_up_id))

    def GetTimeline(self, request: pb.GetTimelineRequest, call: Call) -> pb.GetTimelineResponse:
        page = page_of(request)
        card = self._card(call, required_uuid(request, "customer_id"))
        rows = timeline.entries(
            call.query(),
            card.row["customer_id"],
            list(request.types),
            request.actor,
            moment(request, "from"),
            moment(request, "until"),
            page,
        )
        shown = rows[: page.limit]
        token = ""
        if shown:
            last = shown[-1]
            key = [last["effective_at"].isoformat(), last["event_id"]]
            token = page.next_token(rows, key)
        return pb.GetTimelineResponse(entries=[entry_out(row) for row in shown], next_page_token=token)

    def PlanFollowUp(self, request: pb.PlanFollowUpRequest, call: Call) -> pb.PlanFollowUpResponse:
        follow_up_id = self._customers.plan_follow_up(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            optional_uuid(request, "contact_id"),
            required_moment(request, "due_at"),
            optional_text(request, "subject", 500),
            optional_text(request, "suggested_content", 5_000),
            optional_uuid(request, "owner_id"),
        )
        return pb.PlanFollowUpResponse(follow_up_id=str(follow_up_id))

    def MoveFollowUp(self, request: pb.MoveFollowUpRequest, call: Call) -> pb.MoveFollowUpResponse:
        self._customers.move_follow_up(
            call.transaction(),
            call.caller,
            required_uuid(request, "follow_up_id"),
            required_moment(request, "due_at"),
        )
        return pb.MoveFollowUpResponse()

    def CompleteFollowUp(self, request: pb.CompleteFollowUpRequest, call: Call) -> pb.CompleteFollowUpResponse:
        self._customers.complete_follow_up(call.transaction(), call.caller, required_uuid(request, "follow_up_id"))
        return pb.CompleteFollowUpResponse()

    def CancelFollowUp(self, request: pb.CancelFollowUpRequest, call: Call) -> pb.CancelFollowUpResponse:
        self._customers.cancel_follow_up(
            call.transaction(),
            call.caller,
            required_uuid(request, "follow_up_id"),
            optional_text(request, "reason", 500),
        )
        return pb.CancelFollowUpResponse()

    def GetFollowUp(self, request: pb.GetFollowUpRequest, call: Call) -> pb.GetFollowUpResponse:
        follow_up_id = required_uuid(request, "follow_up_id")
        rows = follow_ups.listed(
            call.query(),
            _own_or_of_own_customers(call),
            Page(1),
            follow_up_id=follow_up_id,
        )
        if not rows:
            raise NotFound(f"no follow-up {follow_up_id}")
        return pb.GetFollowUpResponse(follow_up=follow_up_out(rows[0]))

    def ListFollowUps(self, request: pb.ListFollowUpsRequest, call: Call) -> pb.ListFollowUpsResponse:
        page = page_of(request)
        rows = follow_ups.listed(
            call.query(),
            _own_or_of_own_customers(call),
            page,
            optional_uuid(request, "owner_id"),
            optional_uuid(request, "customer_id"),
            enum_in(FollowUpState, request.state, "state"),
            moment(request, "due_before"),
            moment(request, "due_from"),
        )
        shown = rows[: page.limit]
        token = ""
        if shown:
            last = shown[-1]
            token = page.next_token(rows, [last["due_at"].isoformat(), last["follow_up_id"]])
        return pb.ListFollowUpsResponse(follow_ups=[follow_up_out(row) for row in shown], next_page_token=token)

    # -- duplicates and merging --

    def FindDuplicates(self, request: pb.FindDuplicatesRequest, call: Call) -> pb.FindDuplicatesResponse:
        existing = optional_uuid(request, "customer_id")
        if existing is not None:
            card = self._card(call, existing)
            row = card.row
            root: UUID | None = row["customer_id"]
            contacts = search.contacts_of(call.query(), row["customer_id"])
            is_company = row["kind"] == customer_pb.CUSTOMER_KIND_COMPANY
            sought = Sought(
                "asked",
                row["name"] if is_company else "",
                (*row["phones"], *(phone for c in contacts for phone in c["phones"])),
                (*row["emails"], *(email for c in contacts for email in c["emails"])),
                row["credit_code"],
                row["external_ref"],
                row["source"],
            )
        else:
            root = None
            described = pb.RegisterCustomerRequest(profile=request.profile, contacts=request.contacts)
            if not described.profile.name:
                described.profile.name = "unnamed"
            new = new_customer(described, request.phone_region)
            profile, cleaned, _ = self._customers.clean_all(new, keep_unreadable_phones=True)
            if not request.profile.name:
                profile = Profile(phones=profile.phones, emails=profile.emails, credit_code=profile.credit_code)
            sought = self._customers.sought("asked", new, profile, cleaned)
        found = duplicates.candidates(call.query(), [sought], without=root)["asked"]
        return pb.FindDuplicatesResponse(candidates=[candidate_out(candidate, call.caller) for candidate in found])

    def MergeCustomers(self, request: pb.MergeCustomersRequest, call: Call) -> pb.MergeCustomersResponse:
        version = self._customers.merge_customers(
            call.transaction(),
            call.caller,
            required_uuid(request, "survivor_id"),
            required_uuid(request, "absorbed_id"),
            [FieldChoice(choice.field, choice.from_absorbed) for choice in request.choices],
        )
        return pb.MergeCustomersResponse(version=version)

    def UnmergeCustomers(self, request: pb.UnmergeCustomersRequest, call: Call) -> pb.UnmergeCustomersResponse:
        version = self._customers.unmerge_customers(
            call.transaction(),
            call.caller,
            required_uuid(request, "survivor_id"),
            required_uuid(request, "absorbed_id"),
            optional_text(request, "reason", 500),
        )
        return pb.UnmergeCustomersResponse(version=version)

    # -- lists and cards --

    def SearchCustomers(self, request: pb.SearchCustomersRequest, call: Call) -> pb.SearchCustomersResponse:
        wanted = Wanted(
            sight(call.query(), call.caller).filter(),
            optional_text(request, "query"),
            self._filters.compile(filter_in(request.filter)) if request.HasField("filter") else None,
            request.order_by,
            request.include_archived,
        )
        self._within_group(call, wanted, optional_uuid(request, "group_id"))
        cards, token = search.found(call.query(), wanted, page_of(request))
        total, more = search.counted_of(call.query(), wanted) if request.count else (0, False)
        return pb.SearchCustomersResponse(
            customers=[card_out(card) for card in cards],
            next_page_token=token,
            total_size=total,
            more_than_total=more,
        )

    def ListCustomers(self, request: pb.ListCustomersRequest, call: Call) -> pb.ListCustomersResponse:
        seen = sight(call.query(), call.caller)
        wanted = Wanted(
            seen.filter(),
            optional_text(request, "query"),
            None,
            request.order_by,
            request.status == customer_pb.CUSTOMER_STATUS_ARCHIVED,
        )
        if request.status:
            wanted.conditions.append(("c.status = %s", [request.status]))
        owner_id = optional_uuid(request, "owner_id")
        if owner_id is not None:
            wanted.conditions.append(("c.owner_id = %s", [owner_id]))
        if request.tag:
            tagged = Condition("tag", Operator.IS_ANY_OF, (request.tag,))
            wanted.conditions.append(self._filters.compile(tagged))
        self._within_group(call, wanted, optional_uuid(request, "group_id"))
        cards, token = search.found(call.query(), wanted, page_of(request))
        total, more = search.counted_of(call.query(), wanted)
        return pb.ListCustomersResponse(
            customers=[shown(card, seen) for card in cards],
            next_page_token=token,
            total_size=total,
            more_than_total=more,
        )

    def GetCustomerCard(self, request: pb.GetCustomerCardRequest, call: Call) -> pb.GetCustomerCardResponse:
        card = self._card(call, required_uuid(request, "customer_id"))
        return pb.GetCustomerCardResponse(card=shown(card, sight(call.query(), call.caller)))

    def BatchGetCustomers(self, request: pb.BatchGetCustomersRequest, call: Call) -> pb.BatchGetCustomersResponse:
        ids = list(dict.fromkeys(uuids(request.customer_ids, "customer_ids")))
        if len(ids) > _MOST_CARDS:
            raise InvalidArgument("customer_ids", f"names {len(ids)} customers; at most {_MOST_CARDS} fit")
        seen = sight(call.query(), call.caller)
        cards = search.load_cards(call.query(), ids, seen.filter())
        return pb.BatchGetCustomersResponse(
            cards=[shown(cards[identity], seen) for identity in ids if identity in cards]
        )

    # -- groups --

    def SaveCustomerGroup(self, request: pb.SaveCustomerGroupRequest, call: Call) -> pb.SaveCustomerGroupResponse:
        compiled = self._filters.compile(filter_in(request.filter))
        name = required_text(request, "name", 100)
        group_id = self._customers.save_group(
            call.transaction(),
            call.caller,
            optional_uuid(request, "group_id"),
            name,
            filter_json(request.filter),
            request.shared,
        )
        wanted = Wanted(sight(call.query(), call.caller).filter(), filter=compiled)
        return pb.SaveCustomerGroupResponse(group_id=str(group_id), member_count=search.counted(call.query(), wanted))

    def DeleteCustomerGroup(self, request: pb.DeleteCustomerGroupRequest, call: Call) -> pb.DeleteCustomerGroupResponse:
        self._customers.delete_group(call.transaction(), call.caller, required_uuid(request, "group_id"))
        return pb.DeleteCustomerGroupResponse()

    def ListCustomerGroups(self, request: pb.ListCustomerGroupsRequest, call: Call) -> pb.ListCustomerGroupsResponse:
        page = page_of(request)
        cursor = call.query()
        rows = groups.seen_by(cursor, call.caller.person_id, page)
        shown_rows = rows[: page.limit]
        found, scope = [], sight(cursor, call.caller).filter()
        for row in shown_rows:
            tree = filter_of_json(row["filter_json"])
            compiled = self._filters.compile(filter_in(tree))
            wanted = Wanted(scope, filter=compiled)
            found.append(
                pb.CustomerGroup(
                    group_id=str(row["group_id"]),
                    name=row["name"],
                    filter=tree,
                    owner_id=text_of(row["owner_id"]),
                    shared=row["shared"],
                    member_count=search.counted(cursor, wanted),
                )
            )
        token = page.next_token(rows, [shown_rows[-1]["name"], shown_rows[-1]["group_id"]]) if shown_rows else ""
        return pb.ListCustomerGroupsResponse(groups=found, next_page_token=token)

    # -- policy --

    def SetLevelRules(self, request: pb.SetLevelRulesRequest, call: Call) -> pb.SetLevelRulesResponse:
        version = self._customers.set_level_rules(
            call.transaction(),
            [rule_in(rule, f"rules[{i}]") for i, rule in enumerate(request.rules)],
            enum_in(CustomerLevel, request.default_level, "default_level"),
        )
        return pb.SetLevelRulesResponse(rule_set_version=version)

    def GetLevelRules(self, _: pb.GetLevelRulesRequest, call: Call) -> pb.GetLevelRulesResponse:
        policy = self._policy(call)
        response = pb.GetLevelRulesResponse(
            rule_set_version=policy.rule_set_version, rules=[rule_out(rule) for rule in policy.rules]
        )
        response.default_level = int(policy.default_level)  # type: ignore[assignment]
        return response

    def SetCarePolicy(self, request: pb.SetCarePolicyRequest, call: Call) -> pb.SetCarePolicyResponse:
        self._customers.set_care_policy(
            call.transaction(),
            request.silent_after_months,
            [
                ContactInterval(enum_in(CustomerLevel, interval.level, f"contact_intervals[{i}].level"), interval.days)
                for i, interval in enumerate(request.contact_intervals)
            ],
        )
        return pb.SetCarePolicyResponse()

    def GetCarePolicy(self, _: pb.GetCarePolicyRequest, call: Call) -> pb.GetCarePolicyResponse:
        policy = self._policy(call)
        response = pb.GetCarePolicyResponse(silent_after_months=policy.silent_after_months)
        for level in CustomerLevel:
            interval = policy_pb.ContactInterval(days=policy.days_without_contact(level))
            interval.level = int(level)  # type: ignore[assignment]
            response.contact_intervals.append(interval)
        return response

    # -- imports --

    def ImportCustomers(self, request: pb.ImportCustomersRequest, call: Call) -> pb.ImportCustomersResponse:
        policy = _POLICIES.get(request.policy)
        if policy is None:
            raise InvalidArgument("policy", f"has no value {request.policy}")
        options = Options(request.import_id, policy, request.keep_unreadable_phones)
        rows = [
            Row(
                new_customer(row, request.phone_region, f"rows[{i}]."),
                moment(row, "registered_at"),
                enum_in(CustomerStatus, row.status, f"rows[{i}].status"),
                [
                    PastActivity(
                        enum_in(ActivityKind, past.kind, f"rows[{i}].activities[{j}].kind"),
                        required_moment(past, "happened_at"),
                        past.content,
                        past.result,
                        optional_uuid(past, "owner_id"),
                    )
                    for j, past in enumerate(row.activities)
                ],
            )
            for i, row in enumerate(request.rows)
        ]
        if request.validate_only:
            results = self._importer.check(call.query(), call.caller, options, rows)
        else:
            results = self._importer.take(call.transaction(), call.caller, options, rows)
        return pb.ImportCustomersResponse(results=[result_out(result, call.caller) for result in results])

    def RevertImport(self, request: pb.RevertImportRequest, call: Call) -> pb.RevertImportResponse:
        archived, restored, kept = self._importer.revert(
            call.transaction(), call.caller, required_text(request, "import_id", 100), request.preview
        )
        return pb.RevertImportResponse(
            archived=archived,
            restored=restored,
            changed_since=[
                pb.ChangedSince(customer_id=str(customer_id), fields=what, code=_code(what))
                for customer_id, what in kept
            ],
        )

    def GetImportTemplate(self, _: pb.GetImportTemplateRequest, call: Call) -> pb.GetImportTemplateResponse:
        return pb.GetImportTemplateResponse(
            columns=[
                pb.ImportColumn(
                    field=column.field,
                    label_en=column.label_en,
                    label_zh=column.label_zh,
                    required=column.required,
                    example=column.example,
                )
                for column in import_template.COLUMNS
            ],
            csv=import_template.template(),
        )

    def GetDictionary(self, request: pb.GetDictionaryRequest, call: Call) -> pb.GetDictionaryResponse:
        dictionary = self._reference.dictionaries.get(request.dictionary)
        if dictionary is None:
            raise NotFound(
                f"no dictionary {request.dictionary[:40]!r}; there are {', '.join(self._reference.dictionaries)}"
            )
        entries = dictionary.entries
        if request.parent_code:
            entries = dictionary.below(request.parent_code)
        return pb.GetDictionaryResponse(
            entries=[
                pb.DictionaryEntry(
                    code=entry.code,
                    parent_code=entry.parent_code,
                    label_en=entry.label_en,
                    label_zh=entry.label_zh,
                )
                for entry in entries
            ]
        )

    # -- files --

    def UploadFile(self, request: pb.UploadFileRequest, call: Call) -> pb.UploadFileResponse:
        kept = self._customers.keep_file(
            call.transaction(),
            required_text(request, "name", 255),
            optional_text(request, "media_type", 100),
            request.content,
        )
        return pb.UploadFileResponse(
            attachment=activity_pb.Attachment(
                name=kept.name,
                size_bytes=kept.size_bytes,
                sha256=kept.sha256,
                media_type=kept.media_type,
            )
        )

    def DownloadFile(self, request: pb.DownloadFileRequest, call: Call) -> pb.DownloadFileResponse:
        card = self._card(call, required_uuid(request, "customer_id"))
        found = timeline.attached_file(call.query(), card.row["customer_id"], required_text(request, "sha256", 64))
        if found is None:
            raise NotFound("no such file is attached to this customer")
        content = bytes(found["content"])
        if found["file_id"] is not None:
            key = call.key_of(str(found["file_id"]))
            if key is None:
                raise NotFound("no such file is attached to this customer")
            content = unseal_bytes(key, content, found["sha256"])
        return pb.DownloadFileResponse(name=found["name"], media_type=found["media_type"], content=content)

    # -- shared by several --

    def _card(self, call: Call, customer_id: UUID) -> Card:
        cards = search.load_cards(call.query(), [customer_id], sight(call.query(), call.caller).filter())
        if customer_id not in cards:
            raise NotFound(f"no customer {customer_id}")
        return cards[customer_id]

    def _within_group(self, call: Call, wanted: Wanted, group_id: UUID | None) -> None:
        if group_id is None:
            return
        row = groups.found(call.query(), group_id, call.caller.person_id)
        if row is None:
            raise NotFound(f"no group {group_id}")
        tree = filter_in(filter_of_json(row["filter_json"]))
        wanted.conditions.append(self._filters.compile(tree))

    def _policy(self, call: Call) -> Policy:
        return reduce(policies.evolve, policies_view.in_force(call.query()), Policy())


def shown(card: Card, seen: Sight) -> pb.CustomerCard:
    """Return a card as the caller may see it."""
    message = card_out(card)
    seen.conceal(message, card.row["customer_id"])
    return message


def _code(kept: list[str]) -> str:
    return next((what.code for what in kept if isinstance(what, Reason)), "")


def _own_or_of_own_customers(call: Call) -> search.Scope:
    """Return a condition: one sees the follow-ups one is to do, and those of the customers one sees."""
    customers, values = sight(call.query(), call.caller).filter()
    mine, more = call.caller.scope_filter("f.owner_id")
    return f"({customers} or {mine})", [*values, *more]
