"""Send a plan through the public API: step by step, in batches, every row once, resumable, with progress.

What was sent is kept in a journal beside the suite's files. A run that was killed goes on where it was; rows
that went in although their answer was lost are recognised by the server and not taken twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from headwater.api import Api, Refused
from headwater.importing.mapping import put_at
from headwater.importing.plan import Kind, Plan, Problem, Ref, Row, Step

Progress = Callable[[str, int, int], None]
"""(what, done, of all)"""

POLICIES = ("skip", "overwrite", "merge")
_MOST_REVERTS = 10_000
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Target:
    """How one kind of row is sent: path, the field of the rows, the batch, and how the policy is spelt."""

    path: str
    rows: str
    batch: int
    policy: Mapping[str, Any]
    id_field: str
    more: Mapping[str, Any] = field(default_factory=dict)


def _on_duplicate(policy: str) -> dict[str, str]:
    return {"on_duplicate": f"ON_DUPLICATE_{policy.upper()}"}


def target_of(kind: Kind, policy: str) -> Target:
    """Return where rows of that kind go."""
    if kind == "customers":
        spelt = {"policy": f"DUPLICATE_POLICY_{policy.upper()}", "keep_unreadable_phones": True}
        return Target("/v1/customers:import", "rows", 200, spelt, "customer_id")
    if kind == "tickets":
        return Target("/v1/tickets:import", "tickets", 150, {}, "ticket_id")
    return Target(f"/v1/{kind}:import", "rows", 250, _on_duplicate(policy), "id")


class Journal:
    """What became of every row, one JSON line each, appended before the next batch is sent."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{plan.name}-{plan.fingerprint[:12]}.jsonl"
        self.ids: dict[tuple[str, str], str] = {}
        self.import_id = ""
        reverted = False
        generation = 0
        for entry in self._entries():
            if "import_id" in entry:
                self.import_id, reverted = entry["import_id"], False
                generation += 1
                self.ids.clear()
            elif "reverted" in entry:
                reverted = True
            else:
                self.ids[entry["kind"], entry["ref"]] = entry["id"]
        self.resumed = bool(self.import_id) and not reverted
        if not self.resumed:
            self.ids.clear()
            suffix = f"-{generation + 1}" if generation else ""
            self.import_id = f"{plan.name}-{plan.fingerprint[:12]}{suffix}"
            self._append([{"import_id": self.import_id}])

    def keep(self, kind: str, results: Iterable[tuple[str, str]]) -> None:
        """Write down (external_ref, id) of rows that are in."""
        entries = [{"kind": kind, "ref": ref, "id": id_} for ref, id_ in results]
        self.ids.update({(kind, e["ref"]): e["id"] for e in entries})
        self._append(entries)

    def _entries(self) -> Iterator[dict[str, str]]:
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # the last line of a killed run; its rows are sent again and recognised

    def _append(self, entries: Sequence[Mapping[str, str]]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)

    @staticmethod
    def mark_reverted(folder: Path, import_id: str) -> None:
        """Have the next run of the same files begin afresh."""
        for path in folder.glob("*.jsonl"):
            lines = path.read_text(encoding="utf-8").splitlines()
            if any(json.loads(line).get("import_id") == import_id for line in lines if line.startswith('{"import_id"')):
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"reverted": import_id}) + "\n")


class Runner:
    """One run of one plan."""

    def __init__(
        self, api: Api, plan: Plan, journal: Journal, policy: str, progress: Progress, phone_region: str = ""
    ) -> None:
        self._api = api
        self._plan = plan
        self._journal = journal
        self._policy = policy
        self._progress = progress
        self._phone_region = phone_region
        self.outcomes: dict[str, Counter[str]] = {}

    def run(self) -> None:
        """Send everything; what is refused joins the plan's problems."""
        for step in self._plan.steps:
            self.outcomes[step.kind] = Counter()
            if step.kind == "people":
                self._people(step)
            elif step.kind == "pipelines":
                self._pipelines(step)
            else:
                self._rows(step)

    def check(self) -> None:
        """Ask the server what it would say of customers, without changing anything."""
        for step in self._plan.steps:
            if step.kind != "customers":
                continue
            target = target_of("customers", self._policy)
            for batch in _batches([r for r in step.rows if not r.refs], target.batch):
                answer = self._send(target, batch, [dict(r.body) for r in batch], validate_only=True)
                for row, result in zip(batch, answer["results"], strict=True):
                    self._note(row, result)

    # -- steps --------------------------------------------------------------------

    def _rows(self, step: Step) -> None:
        target = target_of(step.kind, self._policy)
        open_rows = [row for row in step.rows if (step.kind, row.external_ref) not in self._journal.ids]
        done = len(step.rows) - len(open_rows)
        self.outcomes[step.kind]["done before"] += done
        self._progress(step.kind, done, len(step.rows))
        for batch in _batches(open_rows, target.batch):
            ready, bodies = [], []
            for row in batch:
                body = self._resolved(row)
                if body is not None:
                    ready.append(row)
                    bodies.append(body)
                else:
                    self.outcomes[step.kind]["refused"] += 1
            if ready:
                answer = self._send(target, ready, bodies)
                kept = []
                for row, result in zip(ready, answer["results"], strict=True):
                    outcome = str(result["outcome"]).rpartition("OUTCOME_")[2].lower()
                    self.outcomes[step.kind][outcome] += 1
                    self._note(row, result)
                    if found := result.get(target.id_field, ""):
                        kept.append((row.external_ref, found))
                self._journal.keep(step.kind, kept)
            done += len(batch)
            self._progress(step.kind, done, len(step.rows))

    def _send(
        self, target: Target, rows: Sequence[Row], bodies: Sequence[Mapping[str, Any]], **more: Any
    ) -> dict[str, Any]:
        if target.id_field == "customer_id" and self._phone_region:
            more["phone_region"] = self._phone_region
        body = {"import_id": self._journal.import_id, target.rows: list(bodies), **target.policy, **more}
        try:
            return self._api.post(target.path, body, request_id=f"import-{uuid4()}")
        except Refused as error:
            if len(rows) == 1 and error.status in (400, 409, 413, 422):
                problem = error.problem
                return {
                    "results": [
                        {
                            "external_ref": rows[0].external_ref,
                            "outcome": "OUTCOME_REFUSED",
                            "field": str(problem.get("field", "")),
                            "message": str(problem.get("detail", problem.get("title", ""))),
                        }
                    ]
                }
            if error.status in (400, 409, 413, 422):  # one bad row must not keep the others out
                half = len(rows) // 2
                first = self._send(target, rows[:half], bodies[:half], **more)
                second = self._send(target, rows[half:], bodies[half:], **more)
                return {"results": [*first["results"], *second["results"]]}
            raise

    def _people(self, step: Step) -> None:
        known = self._known_people()
        teams = {team["name"]: team["team_id"] for team in self._api.pages("/v1/teams", "teams")}
        for number, row in enumerate(step.rows, 1):
            body = dict(row.body)
            name = str(body["name"])
            found = known.get(name.casefold()) or known.get(str(body["login"]).casefold())
            outcome = "skipped"
            if not found:
                if team := body.pop("team", ""):
                    if team not in teams:
                        teams[team] = self._api.post("/v1/teams", {"name": team})["team_id"]
                    body["team_id"] = teams[team]
                found = self._api.post("/v1/people", body, request_id=f"import-{uuid4()}")["person_id"]
                known[name.casefold()] = found
                outcome = "created"
            self.outcomes["people"][outcome] += 1
            self._journal.keep("people", [(row.external_ref, found)])
            self._progress("people", number, len(step.rows))

    def _pipelines(self, step: Step) -> None:
        known = {p["name"]: p["pipeline_id"] for p in self._api.get("/v1/pipelines").get("pipelines", [])}
        for row in step.rows:
            found = known.get(row.body["name"])
            self.outcomes["pipelines"]["skipped" if found else "created"] += 1
            if not found:
                found = self._api.post("/v1/pipelines", row.body)["pipeline_id"]
            self._journal.keep("pipelines", [(row.external_ref, found)])

    # -- references ----------------------------------------------------------------

    def _resolved(self, row: Row) -> dict[str, Any] | None:
        """The row's body with ids in the place of names; None when one cannot be found."""
        if not row.refs:
            return dict(row.body)
        body = deepcopy(dict(row.body))
        for ref in row.refs:
            found = self._journal.ids.get((ref.kind, ref.external_ref)) or self._look_up(ref)
            if not found:
                column = next((c for p, c in row.columns.items() if p.split(".")[0] == str(ref.path[0])), "")
                singular = {"people": "person", "customers": "customer", "products": "product"}.get(ref.kind, ref.kind)
                self._plan.problems.append(
                    Problem(
                        row.file,
                        row.line,
                        column,
                        ref.external_ref[:80],
                        f"no {singular} goes by that name",
                        f"import or register the {singular} first, or mend the name",
                    )
                )
                return None
            put_at(body, ref.path, found)
        return body

    def _look_up(self, ref: Ref) -> str:
        if not hasattr(self, "_cache"):
            self._cache: dict[tuple[str, str], str] = {}
            self._cache.update({("people", name): id_ for name, id_ in self._known_people().items()})
            for product in self._api.pages("/v1/products", "products"):
                for name in (product.get("name", ""), product.get("sku", "")):
                    self._cache["products", name.casefold()] = product["product_id"]
        key = (ref.kind, ref.external_ref.casefold())
        if key not in self._cache and ref.kind == "customers":
            found = self._api.get("/v1/customers", query=ref.external_ref, page_size=10).get("customers", [])
            exact = [c for c in found if str(c.get("name", "")).casefold() == key[1]]
            self._cache[key] = exact[0]["customer_id"] if len(exact) == 1 else ""
        return self._cache.get(key, "")

    def _known_people(self) -> dict[str, str]:
        known: dict[str, str] = {}
        for person in self._api.pages("/v1/people", "people"):
            for name in (person.get("name", ""), person.get("login", ""), person.get("email", "")):
                if name:
                    known.setdefault(name.casefold(), person["person_id"])
        return known

    def _note(self, row: Row, result: Mapping[str, Any]) -> None:
        """Put what the server said of a row into the plan's problems, with the column the user knows."""
        found = list(result.get("problems", []))
        if result.get("message"):
            fatal = str(result["outcome"]).endswith("REFUSED")
            found.append({"field": result.get("field", ""), "message": result["message"], "fatal": fatal})
        for problem in found:
            name = str(problem.get("field", ""))
            column = row.columns.get(name) or row.columns.get(name.partition("[")[0], name)
            self._plan.problems.append(
                Problem(
                    row.file,
                    row.line,
                    column,
                    "",
                    str(problem["message"]),
                    "see the message",
                    bool(problem.get("fatal")),
                )
            )
        for candidate in result.get("candidates", []):
            self._plan.problems.append(
                Problem(
                    row.file,
                    row.line,
                    "",
                    "",
                    f"looks like the customer {candidate.get('customer_id', '')}",
                    "say what to do with --duplicates skip, overwrite or merge",
                    False,
                )
            )


def revert(api: Api, import_id: str, tell: Callable[[str], None], preview: bool = False) -> dict[str, int]:
    """Take an import back in every context, by compensating events; what was changed since stays and is told.

    A preview changes nothing, and counts what further calls would look at as `unchanged_since`.
    """
    counts: Counter[str] = Counter()
    for path in ("/v1/ticket-imports", "/v1/pipeline-imports", "/v1/customer-imports"):
        for _ in range(_MOST_REVERTS):
            try:
                answer = api.post(f"{path}/{import_id}:revert", {"preview": True} if preview else {})
            except Refused as error:
                if error.status == _NOT_FOUND:  # most imports bring one kind of thing only
                    break
                raise
            for name in ("taken_back", "withdrawn", "archived", "restored"):
                counts[name] += int(answer.get(name, 0))
            for kept in answer.get("kept", []):
                tell(f"  stays: {kept.get('kind')} {kept.get('external_ref')}: {kept.get('message')}")
            for changed in answer.get("changed_since", []):
                tell(f"  stays: customer {changed.get('customer_id')}: {', '.join(changed.get('fields', []))}")
            for changed in answer.get("changed_ticket_ids", []):
                tell(f"  stays: ticket {changed}: worked on since")
            remaining = int(answer.get("remaining", 0))
            if preview:
                counts["unchanged_since"] += remaining
            if preview or not remaining:
                break
    return dict(counts)


def _batches(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
