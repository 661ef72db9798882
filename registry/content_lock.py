"""The lock around what puts files of documents in place or takes them away, for all processes of a machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from registry.content import ContentFolder
from vedette.errors import StoreError


@contextmanager
def changing(folder: ContentFolder) -> Iterator[None]:
    """Hold the folder alone; blocking, so call it in a thread.

    Without it a deletion could take the file of an upload that another process is just entering.

    Raises:
        StoreError: the folder is not there.
    """
    try:
        descriptor = os.open(folder.partial, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"{folder.folder}: cannot be used: {error.strerror}") from error
    try:
        # An flock(2): the kernel lets go of it when the process dies.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
