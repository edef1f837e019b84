"""A saved group: a filter over customers under a name. Who is in it follows from the filter, always."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.errors import Forbidden, NotFound


@dataclass(frozen=True, slots=True)
class CustomerGroupSaved:
    group_id: UUID
    name: str
    filter_json: str
    owner_id: UUID | None
    shared: bool


@dataclass(frozen=True, slots=True)
class CustomerGroupDeleted:
    group_id: UUID


GroupEvent = CustomerGroupSaved | CustomerGroupDeleted


@dataclass(frozen=True, slots=True)
class Group:
    """The state that decisions are made on."""

    id: UUID
    name: str
    filter_json: str
    owner_id: UUID | None
    shared: bool
    deleted: bool = False

    def save(self, name: str, filter_json: str, shared: bool, by: UUID | None, may_all: bool) -> list[GroupEvent]:
        """Save it anew."""
        self._require(by, may_all)
        if (name, filter_json, shared) == (self.name, self.filter_json, self.shared):
            return []
        return [CustomerGroupSaved(self.id, name, filter_json, self.owner_id, shared)]

    def delete(self, by: UUID | None, may_all: bool) -> list[GroupEvent]:
        """Throw it away."""
        if self.deleted:
            return []
        self._require(by, may_all)
        return [CustomerGroupDeleted(self.id)]

    def put_back(self, before: Group) -> list[GroupEvent]:
        """Save it as it was, thrown away or not."""
        if before.deleted:
            return self.delete(None, may_all=True)
        if before == self:
            return []
        return [CustomerGroupSaved(self.id, before.name, before.filter_json, before.owner_id, before.shared)]

    def hand_over(self, to_owner_id: UUID) -> list[GroupEvent]:
        """Give it to somebody else."""
        if self.deleted or to_owner_id == self.owner_id:
            return []
        return [CustomerGroupSaved(self.id, self.name, self.filter_json, to_owner_id, self.shared)]

    def _require(self, by: UUID | None, may_all: bool) -> None:
        if self.deleted or (self.owner_id != by and not self.shared and not may_all):
            raise NotFound(f"no group {self.id}")
        if self.owner_id != by and not may_all:
            raise Forbidden(f"group {self.id} is somebody else's; save one of your own under another name")


def evolve(group: Group | None, event: GroupEvent) -> Group:
    """Fold one event into the state."""
    match event:
        case CustomerGroupSaved():
            return Group(event.group_id, event.name, event.filter_json, event.owner_id, event.shared)
        case CustomerGroupDeleted():
            assert group is not None, "history must begin with CustomerGroupSaved"
            return Group(group.id, group.name, group.filter_json, group.owner_id, group.shared, deleted=True)
