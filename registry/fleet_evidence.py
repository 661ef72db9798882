"""What belongs to a fleet's evidence, as its configuration says: the roots, and the documents."""

from __future__ import annotations

from registry.content import ContentFolder
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.errors import ConfigurationError
from vedette.evidence.certificates import TrustRoots
from vedette.log import logger


def trusted_roots(configuration: FleetConfiguration, paths: FleetPaths) -> dict[str, TrustRoots]:
    """Return the roots of each configured authority by its name.

    Raises:
        ConfigurationError: a file of roots cannot be used.
    """
    files = {one.name: paths.roots if one.roots is None else paths.near(one.roots) for one in configuration.tsa}
    return {name: TrustRoots.load(file) for name, file in files.items()}


def known_roots(configuration: FleetConfiguration, paths: FleetPaths) -> dict[str, TrustRoots]:
    """Return the roots of each authority that is or was configured: for judging what they proved, nothing new.

    Raises:
        ConfigurationError: a file of a configured authority's roots cannot be used.
    """
    found = trusted_roots(configuration, paths)
    for file in sorted(paths.external_roots.glob("*.pem")):
        if file.stem not in found:
            try:
                found[file.stem] = TrustRoots.load(file)
            except ConfigurationError as error:
                logger("custody").warning("roots not used", file=str(file), reason=str(error))
    return found


def documents_of(configuration: FleetConfiguration, paths: FleetPaths) -> ContentFolder:
    """Return the folder of the fleet's documents."""
    return ContentFolder(paths.documents, limit=configuration.api.document_limit)
