"""Telling the service manager that what it started is ready: systemd's notification protocol, sd_notify(3)."""

from __future__ import annotations

import os
import socket

from vedette.log import logger

VARIABLE = "NOTIFY_SOCKET"
"""Environment variable with the socket's path, or its abstract name after an @."""


def is_service() -> bool:
    """Whether a service manager started this process: what it prints is kept in a log, then."""
    return VARIABLE in os.environ


def tell_ready() -> None:
    """Say that the start is over; nothing where nobody waits for it.

    A manager that does not take the word ends its wait by itself, so a failure is logged and no reason to stop.
    """
    address = os.environ.get(VARIABLE, "")
    if not address:
        return
    place = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
            # A manager that does not read must not hold the program up.
            connection.settimeout(1.0)
            connection.connect(place)
            connection.sendall(b"READY=1")
    except OSError as error:
        logger("readiness").warning("the service manager could not be told", socket=address, reason=str(error))
