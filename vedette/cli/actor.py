"""Who acts on the command line, for the audit log."""

from __future__ import annotations

import os
import pwd

from registry.callers import Actor


def command_line_actor() -> Actor:
    """Return the user of this machine who runs the command, as the system knows it: the environment may lie."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        # In a container the user may have a number only.
        name = str(number)
    return Actor(who=f"command line {name}", origin="command line")
