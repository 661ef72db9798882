"""What to do about something: Stucco's `Course_Of_Action`."""

from __future__ import annotations

from vedette.extraction.building import Building
from vedette.extraction.subgraph import Position

SUGGESTED_COA = "SuggestedCOA"
"""From a malware to what to do about it."""

POTENTIAL_COA = "PotentialCOA"
"""From a vulnerability to what to do about it."""


def add_remedy(building: Building, about: str, text: str, relation: str, position: Position) -> None:
    """Relate something to what is to be done about it; nothing where the text is empty."""
    if about and text:
        name = f"Remedy of {building.name_of(about)}"
        remedy = building.vertex("Course_Of_Action", name, position=position, description=text)
        building.edge(about, remedy, relation, position)
