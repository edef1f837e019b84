"""The rows of an import call: what cannot be read is refused row by row, the others go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from crm.pipeline.v1 import imports_pb2 as pb
from kernel.errors import InvalidArgument
from pipeline.application.imports import MOST_ROWS, RowOutcome, RowResult
from pipeline.entrypoints.messages import id_text

R = TypeVar("R")


class Rows(Generic[R]):
    """Rows as the application takes them, and the refusals of those that could not be read."""

    def __init__(self, said: Sequence[Any], convert: Callable[[Any], R]) -> None:
        if len(said) > MOST_ROWS:
            raise InvalidArgument("rows", f"at most {MOST_ROWS} fit in one call, not {len(said)}")
        self.good: list[R] = []
        self._bad: dict[int, RowResult] = {}
        for i, row in enumerate(said):
            try:
                self.good.append(convert(row))
            except InvalidArgument as refusal:
                ref = row.lead.external_ref if hasattr(row, "lead") else row.external_ref
                self._bad[i] = RowResult(ref, None, RowOutcome.REFUSED, refusal.field, refusal.reason)
        self._count = len(said)

    def answers(self, results: Sequence[RowResult]) -> list[pb.RowResult]:
        """Return one answer per row, in the order of the call."""
        left = iter(results)
        return [_answer(self._bad[i] if i in self._bad else next(left)) for i in range(self._count)]


def _answer(result: RowResult) -> pb.RowResult:
    return pb.RowResult(
        external_ref=result.external_ref,
        id=id_text(result.id),
        outcome=int(result.outcome),  # type: ignore[arg-type]
        field=result.field,
        message=result.message,
    )
