"""Everything recorded about one person, from all services, as JSON: headwater person ID --out FILE.

For access ("what do you know of me") and to be taken elsewhere. Who asked is written down, as for every read.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from headwater.api import Away, Refused, add_connection_arguments, connect


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("person_id", metavar="ID", help="a contact, a private customer, a lead, a requester, a form's")
    parser.add_argument("--out", type=Path, help="write it there, readable by you only; printed if not given")
    add_connection_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """0 when it is written, 2 when it is refused."""
    try:
        with connect(options) as api:
            answer = api.get(f"/v1/persons/{options.person_id}/export")
    except (Away, Refused) as error:
        print(error, file=sys.stderr)
        return 2
    records = [record | {"data": json.loads(record["data"])} for record in answer.get("records", [])]
    text = json.dumps(answer | {"records": records}, indent=1, ensure_ascii=False)
    if options.out is None:
        print(text)
        return 0
    options.out.touch(mode=0o600)
    options.out.write_text(text, encoding="utf-8")
    services = sorted({record["context"] for record in records})
    print(f"{len(records)} records of {', '.join(services) or 'no service'}: {options.out}")
    return 0
