"""Who the agents are: one module an agent, and what all have in common."""

import behaviours  # noqa: F401  # SPADE comes in through there, without its server
