"""Commands that go through a hub's API instead of opening the store: where it is, and with which key."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from vedette.cli.output import Exit, complain
from vedette.client import ApiError, BlockingClient
from vedette.errors import ConfigurationError

KEY_VARIABLE = "VEDETTE_API_KEY"
"""Where the key is, if in no file: an argument could be read by everybody on the machine."""

URL_OPTION = typer.Option(None, "--url", help="Ask the hub at this address instead of opening the store here.")
KEY_FILE_OPTION = typer.Option(None, "--key-file", help=f"File of the API key, mode 0600; else {KEY_VARIABLE}.")
CA_OPTION = typer.Option(None, "--ca", help="PEM roots for the hub's certificate; the system's by default.")

MAX_FILE = 4096
"""Bytes of a key's file that are read."""

_ANSWER_IS_NO = frozenset({404, 409, 410})


def is_remote(url: str | None, *, key_file: Path | None, ca: Path | None, config: Path | None = None) -> bool:
    """Tell whether a command goes through the API.

    Raises:
        typer.BadParameter: the options contradict each other.
    """
    if url is not None and config is not None:
        raise typer.BadParameter("name the hub with --url, or the store's configuration with -c; not both")
    if url is None and (key_file is not None or ca is not None):
        raise typer.BadParameter("--key-file and --ca go with --url")
    return url is not None


@contextmanager
def asking(url: str | None, *, key_file: Path | None, ca: Path | None) -> Iterator[BlockingClient]:
    """Give a client of the hub; when the hub has no such thing, or it cannot be so, the answer is no.

    Raises:
        ApiError: the hub refuses for another reason.
        ConfigurationError: the address or the key cannot be used.
    """
    if url is None:
        raise typer.BadParameter("name the hub with --url")
    with BlockingClient(url=url, api_key=read_key(key_file), ca=ca) as client:
        try:
            yield client
        except ApiError as error:
            if error.status not in _ANSWER_IS_NO:
                raise
            complain(error.detail)
            raise typer.Exit(Exit.NO) from error


def read_key(file: Path | None) -> str:
    """Return the API key from its file, or from the environment.

    Raises:
        ConfigurationError: there is none, or others can read the file.
    """
    if file is None:
        key = os.environ.get(KEY_VARIABLE, "").strip()
        if not key:
            raise ConfigurationError("the API key", "", f"give it in a file with --key-file, or in {KEY_VARIABLE}")
        return key
    try:
        # The file that is checked is the one that is read.
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read(MAX_FILE)
    except OSError as error:
        raise ConfigurationError(str(file), "", f"cannot be read: {error.strerror}") from error
    if stat.S_ISREG(mode) and mode & 0o077:
        raise ConfigurationError(str(file), "", "can be read by others; run chmod 600 on it")
    return text.decode("utf-8", "replace").strip()
