"""Files as every exporter writes them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from vedette import files
from vedette.sharing.exporter import Exporter, ExportError
from vedette.sharing.investigation import Investigation, Withheld


class FileExporter(Exporter):
    """An exporter whose form is one file, written piece by piece."""

    def write(self, investigations: Iterable[Investigation], path: Path) -> Sequence[Withheld]:
        """Write the file; see the base class."""
        withheld: list[Withheld] = []
        write_whole(path, self.parts(investigations, withheld))
        return withheld

    @abstractmethod
    def parts(self, investigations: Iterable[Investigation], withheld: list[Withheld]) -> Iterator[bytes]:
        """Yield the bytes of the file; what is left out is put into `withheld` meanwhile.

        Raises:
            ExportError: this cannot be written.
        """


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file that appears whole or not at all (see `vedette.files`).

    Raises:
        ExportError: something else than a file is there; what `parts` raises is passed on, and nothing is left.
        OSError: the file system refuses.
    """
    if path.exists() and not path.is_file():
        # Renaming over a device would take it away from everybody.
        raise ExportError(f"{path}: is no file; name one")
    files.write_whole(path, parts)
