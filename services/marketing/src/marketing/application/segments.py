"""What one may ask of segments and templates."""

from __future__ import annotations

from uuid import UUID

from kernel.auth import Caller
from marketing.application.loading import Tx, loaded, owner_or_self, require_new
from marketing.domain import segment, template
from marketing.domain.segment import Filter, Segment, define_segment
from marketing.domain.template import Template, Words, draft_template


class Segments:
    def define(self, tx: Tx, caller: Caller, segment_id: UUID, owner_id: UUID | None, name: str, filter: Filter) -> int:
        require_new(tx, segment_id)
        defined = define_segment(segment_id, owner_or_self(caller, owner_id), name, filter)
        return tx.append(segment_id, 0, defined)

    def revise(self, tx: Tx, caller: Caller, segment_id: UUID, name: str, filter: Filter, expected: int) -> int:
        it, version = loaded(tx, segment_id, segment.evolve, Segment, caller, expected)
        return tx.append(segment_id, version, it.revise(name, filter))

    def retire(self, tx: Tx, caller: Caller, segment_id: UUID, expected: int) -> int:
        it, version = loaded(tx, segment_id, segment.evolve, Segment, caller, expected)
        return tx.append(segment_id, version, it.retire())


class Templates:
    def draft(self, tx: Tx, caller: Caller, template_id: UUID, owner_id: UUID | None, words: Words) -> int:
        require_new(tx, template_id)
        return tx.append(template_id, 0, draft_template(template_id, owner_or_self(caller, owner_id), words))

    def revise(
        self,
        tx: Tx,
        caller: Caller,
        template_id: UUID,
        name: str,
        subject_line: str,
        html_body: str,
        text_body: str,
        expected: int,
    ) -> tuple[int, int]:
        """Return the stream's version and the template's."""
        it, version = loaded(tx, template_id, template.evolve, Template, caller, expected)
        events = it.revise(Words(name, it.words.channel, subject_line, html_body, text_body))
        return tx.append(template_id, version, events), it.version + len(events)

    def retire(self, tx: Tx, caller: Caller, template_id: UUID, expected: int) -> int:
        it, version = loaded(tx, template_id, template.evolve, Template, caller, expected)
        return tx.append(template_id, version, it.retire())
