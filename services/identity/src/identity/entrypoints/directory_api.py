"""Directories kept elsewhere: requests in, calls out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from crm.identity.v1 import directory_service_pb2 as pb
from identity.directory_sync import DirectorySync, last_runs
from identity.domain.directory import Kind
from identity.entrypoints.grpc_api import id_out, maybe_time
from identity.projections import people
from kernel.clock import Clock, system_clock
from kernel.rpc import Call, required_text

_MOST_SHOWN = 1_000


class DirectoryApi:
    def __init__(self, directories: DirectorySync, clock: Clock = system_clock) -> None:
        self._directories = directories
        self._clock = clock

    def ListDirectories(self, _: pb.ListDirectoriesRequest, call: Call) -> pb.ListDirectoriesResponse:
        providers = self._directories.providers
        runs = last_runs(call.query(), list(providers))
        found = []
        for name, provider in sorted(providers.items()):
            shown = pb.KnownDirectory(
                provider=name, title=provider.title, kind=provider.kind, every_hours=provider.directory_hours
            )
            if run := runs.get(name):
                shown.MergeFrom(
                    pb.KnownDirectory(
                        ran_at=maybe_time(run["ran_at"]),
                        done=_counts({Kind(int(kind)): count for kind, count in run["done"].items()}),
                        held_back=run["held_back"],
                        remaining=run["remaining"],
                        failure=run["failure"],
                        next_at=maybe_time(run["next_at"]),
                        people=run["people"],
                        teams=run["teams"],
                    )
                )
            found.append(shown)
        return pb.ListDirectoriesResponse(directories=found)

    def PreviewDirectorySync(
        self, request: pb.PreviewDirectorySyncRequest, call: Call
    ) -> pb.PreviewDirectorySyncResponse:
        provider = required_text(request, "provider", 40)
        directory = self._directories.fetch(provider)
        changes = self._directories.preview(call.query(), provider, directory)
        shown = changes[:_MOST_SHOWN]
        leaving = [it.id for it in shown if it.member is None and it.department is None and it.id is not None]
        names = {row["person_id"]: row["name"] for row in people.people_of(call.query(), leaving, self._clock())}
        return pb.PreviewDirectorySyncResponse(
            changes=[
                pb.DirectoryChange(
                    kind=int(it.kind),  # type: ignore[arg-type]
                    team_id=id_out(it.id) if it.kind in _OF_TEAMS else "",
                    team_name=it.department.name if it.department else "",
                    person_id=id_out(it.id) if it.kind not in _OF_TEAMS else "",
                    person_name=it.member.name if it.member else names.get(it.id, "") if it.id else "",
                )
                for it in shown
            ],
            counts=_counts(Counter(it.kind for it in changes)),
            leavers=sum(it.kind is Kind.LEAVE for it in changes),
        )

    def SyncDirectory(self, request: pb.SyncDirectoryRequest, call: Call) -> pb.SyncDirectoryResponse:
        provider = required_text(request, "provider", 40)
        directory = self._directories.fetch(provider)  # before the transaction begins
        outcome = self._directories.carry_out(call.transaction(), provider, directory, request.expected_leavers)
        return pb.SyncDirectoryResponse(
            done=_counts(outcome.done),
            held_back=outcome.held_back,
            remaining=outcome.remaining,
            next_at=maybe_time(outcome.next_at),
        )


_OF_TEAMS = (Kind.FORM_TEAM, Kind.RENAME_TEAM, Kind.MOVE_TEAM, Kind.APPOINT, Kind.DISSOLVE_TEAM)


def _counts(counts: Mapping[Kind, int]) -> Iterable[pb.DirectoryChangeCount]:
    return [
        pb.DirectoryChangeCount(kind=int(kind), count=count)  # type: ignore[arg-type]
        for kind, count in sorted(counts.items())
    ]
