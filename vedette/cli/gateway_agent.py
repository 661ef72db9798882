"""`vedette agent gateway`: a gateway to an AMQP broker in a process of its own, here or on another host."""

from __future__ import annotations

from pathlib import Path

from agents.gateway_making import make_gateway
from agents.identity import identity_of
from vedette.cli.output import print_line
from vedette.cli.running import stop_on_signals
from vedette.clock import SystemClock
from vedette.configuration.gateway import load_gateway
from vedette.messages.card import Role


async def run_gateway_agent(file: Path, *, credentials: Path | None, outbox: Path | None) -> None:
    """Run the gateway that a file describes until it is told to end.

    Raises:
        ConfigurationError: the file or the credentials cannot be used.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses the account.
        StoreError: the outbox cannot be opened.
    """
    configuration = load_gateway(file)
    name = configuration.name
    own = file.parent / (configuration.credentials or Path("var", "credentials", f"{name}.json"))
    box = outbox or file.parent / "var" / "outbox" / f"{name}.db"
    box.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    stop = stop_on_signals()
    agent = make_gateway(
        configuration,
        file=file,
        identity=identity_of(name, credentials or own, Role.GATEWAY),
        outbox=box,
        clock=SystemClock(),
    )
    try:
        await agent.start()
        print_line(f"{agent.identity.jid} is up: {agent.address}; Ctrl-C ends it.")
        await stop.wait()
    finally:
        await agent.stop()
