"""The pages of sharing, wired in one place."""

from __future__ import annotations

from web.api.application import Routes
from web.api.gate import Gate
from web.api.sharing_view import SharingView
from web.console.frame import Frame
from web.console.sharing import SharingListRoutes
from web.console.sharing_export import SharingExportRoutes
from web.console.sharing_new import NewExportRoutes


def sharing_pages(*, frame: Frame, view: SharingView, gate: Gate) -> list[Routes]:
    """Return the groups of pages: the list, what is shared, and one export."""
    return [
        SharingListRoutes(frame=frame, desk=view.desk, gate=gate),
        NewExportRoutes(frame=frame, view=view, gate=gate),
        SharingExportRoutes(frame=frame, desk=view.desk, gate=gate),
    ]
