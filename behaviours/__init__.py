"""What agents do over XMPP."""

from behaviours.lean_spade import import_spade

import_spade()
