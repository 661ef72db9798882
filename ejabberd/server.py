"""A private ejabberd in a process of ours: several may run, each with its own node, ports and files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ejabberd.api import EjabberdApi, make_removed_group
from ejabberd.authority import Authority
from ejabberd.configuration import load, service_user
from ejabberd.settings import Layout, XmppSettings
from vedette.errors import ConfigurationError, ConnectionFailedError

START_SECONDS = 60.0
"""How long it may take to accept connections (1.6 s on an idle machine)."""

STOP_SECONDS = 10.0
"""How long a clean stop may take before it is killed."""

_TIED = (
    "spawn(fun() -> Port = open_port({fd, 0, 0}, [in, eof]), receive {Port, eof} -> "
    "spawn(fun() -> timer:sleep(5000), halt(0) end), init:stop() end end)."
)
"""Erlang that stops the server when its stdin ends: the kernel closes our end of the pipe however we die."""


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The ejabberd that a package installed."""

    erl: str
    """The Erlang runtime."""
    libraries: str
    """ERL_LIBS: where ejabberd's code is."""


def find_installation() -> Installation:
    """Return where ejabberd is installed.

    Raises:
        ConfigurationError: it is not; says how to install it.
    """
    control = shutil.which("ejabberdctl", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if control is None:
        raise ConfigurationError("ejabberd", "", "is not installed; on Debian and Ubuntu: apt-get install ejabberd")
    # ejabberdctl itself runs only as root or ejabberd and puts three processes between us and the server,
    # so it is read for the two paths that the packager wrote into it.
    text = Path(control).read_text(encoding="utf-8", errors="replace")
    found = {name: re.search(rf"^{name}=[\"']?([^\"'\n]+)", text, re.MULTILINE) for name in ("ERL", "ERL_LIBS")}
    if found["ERL"] is None or found["ERL_LIBS"] is None:
        raise ConfigurationError(control, "", "does not say where Erlang and ejabberd's code are")
    return Installation(erl=found["ERL"][1], libraries=found["ERL_LIBS"][1])


class EjabberdServer:
    """The ejabberd of a folder that `ejabberd.configuration.initialise` filled.

    Tied (the default) it ends when this process ends, however that ends; untied it goes on until
    `stop_by_api` or a signal. An async context manager; `start` and `stop` may run on different event loops.
    """

    def __init__(self, folder: Path, *, tied: bool = True) -> None:
        self._layout = Layout(folder=folder.absolute())
        self._tied = tied
        self._process: subprocess.Popen[bytes] | None = None
        self.settings: XmppSettings = load(folder)
        """Its settings, ports included."""
        self.port = self.settings.port
        """The port for clients."""
        self.ca_file = Authority(self._layout.tls).ca_file
        """PEM file of the CA to verify it with."""

    @property
    def domain(self) -> str:
        """The domain of its JIDs."""
        return self.settings.domain

    @property
    def pid(self) -> int:
        """Its process id (the Erlang machine itself); 0 while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    async def start(self) -> None:
        """Start it and wait until it accepts connections.

        Raises:
            ConfigurationError: ejabberd is not installed or its user cannot reach the folder.
            ConnectionFailedError: it did not come up; the message has the reason in one line.
        """
        if self.pid:
            return
        for port, address in ((self.port, self._address), (self.settings.api_port, "127.0.0.1")):
            if await asyncio.to_thread(_is_open, address, port):
                raise ConnectionFailedError(
                    f"cannot start the XMPP server: port {port} on {address} is taken by another program; "
                    "choose another port"
                )
        self._process = await asyncio.to_thread(self._launch)
        try:
            await self._wait_until_ready()
            if self.settings.accounts:
                # Who asks for a member of a group that is not there is disconnected.
                await asyncio.to_thread(make_removed_group, self.settings)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop it cleanly, or by SIGKILL after 10 seconds; nothing if it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
        if process.stdin is not None:
            process.stdin.close()

    async def wait(self) -> int:
        """Return its exit status once it has ended by itself; -1 if it was not started."""
        process = self._process
        return -1 if process is None else await asyncio.to_thread(process.wait)

    def release(self) -> None:
        """Let an untied server go on without us; `stop_by_api` stops it."""
        if self._process is not None:
            # Popen warns of a child that nobody waits for; this one is meant to outlive us.
            self._process.returncode = 0
            self._process = None

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would; `start` brings it up again."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait()
            if process.stdin is not None:
                process.stdin.close()

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        await self.stop()

    @property
    def _address(self) -> str:
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.settings.listen, self.settings.listen)  # noqa: S104

    def _launch(self) -> subprocess.Popen[bytes]:
        installation, user = find_installation(), service_user()
        layout, settings = self._layout, self.settings
        if user is not None:
            _check_reach(layout.folder, user)
        interface = "{" + settings.node_interface.replace(".", ",") + "}"
        command = [installation.erl, "-sname" if "." not in settings.node else "-name", settings.node, "-noinput"]
        command += ["-erl_epmd_port", str(settings.node_port), "-start_epmd", "false", "+K", "true", "+P", "250000"]
        command += ["-kernel", "inet_dist_use_interface", interface, "-mnesia", "dir", f'"{layout.spool}"']
        command += ["-s", "ejabberd", "-args_file", str(layout.config / "vm.args")]
        if self._tied:
            command += ["-eval", _TIED]
        with (layout.logs / "console.log").open("wb") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE if self._tied else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=layout.spool,
                env=self._environment(installation, user),
                user=user,
                group=user,
                extra_groups=[] if user is not None else None,
                start_new_session=True,
            )

    def _environment(self, installation: Installation, user: str | None) -> dict[str, str]:
        layout = self._layout
        own = {
            "EJABBERD_CONFIG_PATH": layout.config / "ejabberd.yml",
            "EJABBERD_LOG_PATH": layout.logs / "ejabberd.log",
            "EJABBERD_PID_PATH": layout.pid,
            "ERL_CRASH_DUMP": layout.logs / "erl_crash.dump",
            "ERL_CRASH_DUMP_BYTES": "0",
            "ERL_DIST_PORT": self.settings.node_port,
            "ERL_INETRC": layout.config / "inetrc",
            "ERL_LIBS": installation.libraries,
            "ERL_MAX_PORTS": "32000",
            "HOME": _home(user, layout.spool),
        }
        kept = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL", "TZ") if key in os.environ}
        return kept | {key: str(value) for key, value in own.items()}

    async def _wait_until_ready(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while loop.time() < deadline:
            if not self.pid:
                raise ConnectionFailedError(f"the XMPP server ended at its start: {self._reason()}")
            if await asyncio.to_thread(_is_open, self._address, self.port) and await self._answers():
                return
            await asyncio.sleep(0.1)
        raise ConnectionFailedError(f"the XMPP server was not ready within {START_SECONDS:.0f} s: {self._reason()}")

    async def _answers(self) -> bool:
        try:
            await asyncio.to_thread(EjabberdApi(self.settings).call, "status")
        except ConnectionFailedError:
            return False
        return True

    def _reason(self) -> str:
        for name in ("ejabberd.log", "console.log"):
            path = self._layout.logs / name
            with contextlib.suppress(OSError):
                lines = path.read_text(errors="replace").splitlines()
                telling = [line for line in lines if re.search(r"\[(error|critical)\]|crash|eaddrinuse", line)]
                if telling:
                    return telling[-1].strip()[:300]
        return f"see {self._layout.logs}"


def stop_by_api(folder: Path) -> bool:
    """Stop a server that another process started and wait until it is down; False if none runs.

    Raises:
        ConfigurationError: the folder is not one of `vedette xmpp init`.
        ConnectionFailedError: it was told to stop and still runs after 10 seconds.
    """
    settings = load(folder)
    try:
        EjabberdApi(settings).call("stop")
    except ConnectionFailedError:
        return False
    deadline = time.monotonic() + STOP_SECONDS
    # Its node's port is the last that it gives up: after that the same folder can be started again.
    while _is_open("127.0.0.1", settings.api_port) or _is_open(settings.node_interface, settings.node_port):
        if time.monotonic() > deadline:
            raise ConnectionFailedError(f"the XMPP server of {folder} was told to stop and still runs")
        time.sleep(0.1)
    return True


def ask_node(layout: Layout, settings: XmppSettings, call: str) -> str:
    """Evaluate an Erlang call on the running node, outside of ejabberd's own processes; returns what it printed.

    What stops ejabberd, such as a join, would end with it if it came in over its HTTP listener.

    Raises:
        ConnectionFailedError: the node does not answer within `START_SECONDS`.
    """
    user = service_user()
    host = settings.node.partition("@")[2]
    module, _, function = call.removesuffix(")").partition(":")
    function, _, argument = function.partition("(")
    asked = f"io:format(\"~0p\", [rpc:call('{settings.node}', {module}, {function}, [{argument}])]), halt(0)."
    command = [find_installation().erl, "-noinput", "-hidden", "-dist_listen", "false", "-start_epmd", "false"]
    command += ["-erl_epmd_port", str(settings.node_port), "-sname" if "." not in settings.node else "-name"]
    command += [f"vedette-asks-{os.getpid()}@{host}", "-eval", asked]
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": _home(user, layout.spool)}
    environment |= {"ERL_INETRC": str(layout.config / "inetrc")}
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            cwd=layout.spool,
            env={key: str(value) for key, value in environment.items()},
            user=user,
            group=user,
            extra_groups=[] if user is not None else None,
        )
    except subprocess.TimeoutExpired as error:
        raise ConnectionFailedError(f"{settings.node} did not answer within {START_SECONDS:.0f} s") from error
    if done.stdout.strip() != "ok":
        raise ConnectionFailedError(f"{settings.node} refused: {done.stdout.strip()[:300] or done.stderr[:300]}")
    return done.stdout


def _is_open(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def _home(user: str | None, spool: Path) -> Path:
    # Erlang keeps the node's cookie in HOME; ejabberdctl, which runs as that user, must find the same.
    import pwd

    home = Path(pwd.getpwnam(user).pw_dir) if user is not None else Path.home()
    return home if home.is_dir() and (user is not None or os.access(home, os.W_OK)) else spool


def _check_reach(folder: Path, user: str) -> None:
    for path in (folder, *folder.parents):
        if path.stat().st_mode & 0o001 == 0 and path.owner() != user and path.group() != user:
            raise ConfigurationError(
                str(folder),
                "",
                f"the user {user} cannot reach it: {path} lets others not pass (chmod o+x, or move it)",
            )
