"""Faults below SQLite in other processes: a shared library that is compiled here and told what to do by a file."""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
from enum import IntEnum
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("shim.c")
_FORM = struct.Struct("6q256s")


class Calls(IntEnum):
    """Which calls a fault is for."""

    WRITES = 1
    SYNCS = 2


class Kind(IntEnum):
    """What happens."""

    EIO = 1
    ENOSPC = 2
    TORN = 3
    """Half of it is written, then the process dies."""
    DIE = 4
    """The process dies before the call."""
    STAYING_EIO = 5
    STAYING_ENOSPC = 6


class Shim:
    """The library and the file that says what to do in all processes that have `environment`."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            if os.environ.get("CI") == "true":
                pytest.fail("CI must have a C compiler (cc)")
            pytest.skip("no C compiler (cc) for the shim")
        library, control = folder / "faults.so", folder / "faults.control"
        command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", str(library), str(SOURCE), "-ldl"], check=True)
        control.write_bytes(bytes(4096))
        with control.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 4096)
        self.environment = {"LD_PRELOAD": str(library), "VEDETTE_FAULTS": str(control)}

    def arm(self, path: str, *, calls: int, kind: Kind, after: int = 1) -> None:
        """Have the `after`th matching call from now on fail, of files whose path ends with `path`."""
        self._write(armed=0)
        self._write(calls=calls, kind=kind, path=path, seen=0, fired=0)
        self._write(armed=after)

    def disarm(self) -> None:
        """Let every call pass again."""
        self._write(armed=0, calls=0)

    def set_clock(self, seconds: int) -> None:
        """Put the time of day so many seconds off the real one."""
        self._write(clock=seconds)

    @property
    def fired(self) -> int:
        """Faults since `arm`."""
        return int(_FORM.unpack_from(self._shared)[4])

    @property
    def seen(self) -> int:
        """Matching calls since `arm`."""
        return int(_FORM.unpack_from(self._shared)[3])

    def close(self) -> None:
        """Let go of the file."""
        self._shared.close()

    def _write(self, **values: int | str) -> None:
        for name, value in values.items():
            place = ("armed", "calls", "kind", "seen", "fired", "clock", "path").index(name)
            if isinstance(value, str):
                struct.pack_into("256s", self._shared, 48, value.encode())
            else:
                struct.pack_into("q", self._shared, place * 8, value)
