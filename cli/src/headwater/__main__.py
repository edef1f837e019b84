"""`headwater COMMAND …`: every module of headwater.commands is one command, imported when called.

A command's module has a docstring (its first line is the help), `add_arguments(parser)` and
`run(options) -> int`. A name that Python reserves ends with an underscore: import_.py.
"""

from __future__ import annotations

import argparse
import ast
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from headwater import commands


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    found = _commands()
    parser = argparse.ArgumentParser(prog="headwater", description=__doc__.splitlines()[0] if __doc__ else "")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in found.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary)
        if given[:1] == [name]:
            import_module(_module_of(name)).add_arguments(subparser)
    options = parser.parse_args(given)
    try:
        status: int = import_module(_module_of(options.command)).run(options)
    except KeyboardInterrupt:
        return 130
    return status


def _commands() -> dict[str, str]:
    """Name and first line of every command; read without importing any."""
    folder = Path(commands.__path__[0])
    found = {}
    for module in pkgutil.iter_modules(commands.__path__):
        text = (folder / f"{module.name}.py").read_text(encoding="utf-8")
        summary = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
        found[module.name.rstrip("_").replace("_", "-")] = summary.rstrip(".")
    return found


def _module_of(command: str) -> str:
    name = command.replace("-", "_")
    known = {module.name for module in pkgutil.iter_modules(commands.__path__)}
    return f"headwater.commands.{name if name in known else name + '_'}"


if __name__ == "__main__":
    sys.exit(main())
