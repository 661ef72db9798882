"""The command `vedette`: each subcommand is a module beside this one, imported only when it is used."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

import typer

from vedette import __version__
from vedette.cli.loading import loading
from vedette.cli.output import Exit, complain
from vedette.errors import VedetteError


class Command(NamedTuple):
    """Where a subcommand is and what it does."""

    module: str
    """Module beside this one."""
    attribute: str
    """Function, or Typer application of a group."""
    help: str
    """One line for `vedette --help`."""


COMMANDS = {
    "up": Command("up", "up", "Start the fleet that vedette.yml describes, until Ctrl-C."),
    "demo": Command("demo", "demo", "Run the main job on this machine: fleet, checks, proofs, pages."),
    "agent": Command("agent", "agent", "Run one agent in a process of its own, or once."),
    "status": Command("status", "status", "Show who is there, since when and why."),
    "check-config": Command("check_config", "check_config", "Check a configuration file before anything starts."),
    "collect": Command("collect", "collect", "Collect sources: feeds, pages, files; once or by their timetables."),
    "replay": Command("replay", "replay", "Send the captured files of a section again: FILE, FILEBYLINE, DIRECTORY."),
    "extract": Command("extract", "extract", "Print what a document states, as Stucco's JSON; nothing is stored."),
    "annotate": Command("annotate", "annotate", "What a text names and states, with the sentences that say so."),
    "relations": Command("relations", "relations", "What two entities of a sentence have to do with each other."),
    "opml": Command("opml", "app", "Lists of feeds of other readers: import, export."),
    "items": Command("items", "app", "What was observed and how far its proof is: list, show, payload, delete."),
    "documents": Command("documents", "app", "Large payloads: put, get, list, show, delete; check their files."),
    "findings": Command("findings", "app", "What changed, deviates, is missing, or contradicts."),
    "checks": Command("checks", "app", "What is looked at, since when it is steady, and what is missing."),
    "graph": Command("graph", "app", "What is known: search, show, neighbours, path, explain, export, decide."),
    "corrections": Command("corrections", "app", "What was read wrongly of texts: list, add, undo, export."),
    "export": Command("export", "app", "To other platforms: misp, feed, stix, csv, …; list, approve, check."),
    "events": Command("events", "events", "Print what happens, as it happens."),
    "retention": Command("retention", "app", "Delete payloads that are old enough; holds."),
    "dead-letters": Command("dead_letters", "app", "What was given up: list, show, replay, discard."),
    "jobs": Command("jobs", "app", "One-shot jobs: run a tool at targets, watch the output, cancel."),
    "schedules": Command("schedules", "app", "Jobs again and again: add, list, explain, pause, resume, run."),
    "repairs": Command("repairs", "repairs", "What is wrong, why, and what to do about it."),
    "audit": Command("audit", "app", "Who did what, when and from where."),
    "bundle": Command(
        "bundle", "bundle", "Write what a third party needs to verify an item or audit entry, as a zip."
    ),
    "verify": Command("verify", "verify", "Verify bundles, or one record or token over its data."),
    "enroll": Command("enroll", "enroll", "Let an agent speak: account, role, key, credentials."),
    "revoke": Command("enroll", "revoke", "Take an agent's account, role and credentials away."),
    "backup": Command("backup", "backup", "A safety copy while the fleet runs, or verify one."),
    "restore": Command("restore", "restore", "A safety copy back in a new epoch, and what is gone since."),
    "users": Command("users", "app", "People who may log in: add, list, passwd, role, disable, setup-link."),
    "keys": Command("keys", "app", "API keys of programs: create, list, revoke."),
    "hosts": Command("hosts", "app", "A fleet on several hosts: which runs what, and what each needs."),
    "migrate": Command("migrate", "migrate", "Bring the store's schema to this release's."),
    "xmpp": Command("xmpp", "app", "A production XMPP server: init, up, down, check; people at a chat client."),
    "tsa": Command("tsa", "app", "Time-stamping authorities: add, list, remove; the local one."),
    "evidence": Command("evidence", "app", "Keep proofs alive: renew, sweep, alarms, check-receipts, status."),
}
"""Every subcommand; importing them all would take seconds, so only the one that is used is."""


def build(arguments: Sequence[str]) -> typer.Typer:
    """Return the application, with the subcommand that `arguments` name and the others by their line of help."""
    app = typer.Typer(
        name="vedette",
        help="A fleet of agents that watch, attest and connect. Exit codes: 0 good, 1 the answer is no, 2 wrong use.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_options)
    used = next((word for word in arguments if not word.startswith("-")), None)
    for name, command in COMMANDS.items():
        if name == used:
            _add(app, name, command)
        else:
            app.command(name=name, help=command.help)(_not_loaded)
    return app


def _add(app: typer.Typer, name: str, command: Command) -> None:
    part = getattr(importlib.import_module(f"vedette.cli.{command.module}"), command.attribute)
    if isinstance(part, typer.Typer):
        app.add_typer(part, name=name)
    else:
        app.command(name=name)(part)


def _not_loaded() -> None:
    """Stand for a subcommand in the list of `vedette --help`."""


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"vedette {__version__}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """A fleet of agents that watch, attest and connect."""


def run() -> None:
    """Run the command line; an error of ours is one clear line, never a traceback."""
    try:
        with loading():
            application = build(sys.argv[1:])
        application()
    except BrokenPipeError:
        # Nobody reads any more, and the interpreter's last flush would complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.GOOD)
    except VedetteError as error:
        complain(str(error))
        sys.exit(Exit.USAGE)
    except OSError as error:
        complain(f"{error.filename or 'the system'}: {error.strerror or error}")
        sys.exit(Exit.USAGE)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
