"""The fleet's configuration, `vedette.yml`: what runs on this machine and where it keeps things."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from vedette.configuration.agent import MAX_ENGINES, AgentSection, EngineSection, check_engines
from vedette.configuration.api import ApiSection, Port, Seconds
from vedette.configuration.collector import MAX_COLLECTORS, CollectorSection
from vedette.configuration.database_url import DatabaseUrls, check_replica
from vedette.configuration.fetching import FetchingSection
from vedette.configuration.gateway import MAX_GATEWAYS, GatewaySection
from vedette.configuration.jobs import JobsSection
from vedette.configuration.loading import load
from vedette.configuration.log_section import LogSection
from vedette.configuration.people import MAX_PEOPLE, PersonSection
from vedette.configuration.retention import RetentionPolicy
from vedette.configuration.rt import RtSection
from vedette.configuration.sharing import SharingSection
from vedette.correlation.policy import CorrelationPolicy
from vedette.errors import ConfigurationError
from vedette.evidence.profiles import PROFILES
from vedette.repairs.policy import RepairPolicy

EMBEDDED = "embedded"
"""`xmpp.server` of the embedded server, which the fleet starts itself."""

EJABBERD = "ejabberd"
"""`xmpp.server` of an ejabberd on this machine, made by `vedette xmpp init` and run by `vedette xmpp up`."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class XmppSection(_Section):
    """Which XMPP server carries the messages."""

    server: StrictStr = EMBEDDED
    """`embedded`, `ejabberd` or `xmpp://host[:port]`, a cluster's with commas between them; embedded by default: it
    needs nothing installed."""
    others: tuple[Annotated[StrictStr, Field(pattern=r"^xmpp://[^\s/,]+/?$")], ...] = ()
    """With `ejabberd`: `xmpp://host[:port]` of the cluster's further nodes, on other machines."""
    folder: StrictStr = "xmpp"
    """With `ejabberd`: the folder of `vedette xmpp init`, relative to the file."""
    domain: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9.-]{1,255}$")] = "localhost"
    """Domain of the agents' JIDs; may differ from the host."""
    port: Port = 0
    """Port of the embedded server; 0 picks a free one."""
    ca: StrictStr | None = None
    """PEM roots for an external server's certificate; null means the system's."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The `xmpp://host[:port]` of an external server's nodes."""
        return tuple(part.strip() for part in self.server.split(","))

    @property
    def is_ours(self) -> bool:
        """Whether it is a server that Vedette made: it speaks to no other one."""
        return self.server in (EMBEDDED, EJABBERD)

    @field_validator("server")
    @classmethod
    def _is_known(cls, value: str) -> str:
        external = all(part.strip().startswith("xmpp://") for part in value.split(","))
        if value not in (EMBEDDED, EJABBERD) and not external:
            raise ValueError(f"must be {EMBEDDED!r}, {EJABBERD!r} or 'xmpp://host[:port]'")
        return value


class BatchSection(_Section):
    """When a batch of items is closed for time-stamping: whichever comes first."""

    items: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 1000
    """Items in a batch; one token serves them all."""
    seconds: Seconds = 5.0
    """Age of the oldest waiting item, in seconds."""


class AuthoritySection(_Section):
    """A time-stamping authority (RFC 3161)."""

    name: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    """Names its tokens in the store and in bundles."""
    url: StrictStr = "local"
    """`local` for the self-asserted one that Vedette runs, else an http or https URL."""
    roots: StrictStr | None = None
    """PEM file of the roots that its tokens must chain to; required for an external one."""
    untrusted: StrictStr | None = None
    """PEM file of intermediate certificates that it does not send itself."""
    policy: StrictStr | None = None
    """Policy OID to ask for; null takes what it gives."""
    time_limit: Seconds = 10.0
    """Seconds that a request may take."""
    seconds_between: Annotated[float, Field(ge=0, le=86_400)] | None = None
    """Seconds between requests that it asks for; null: what is known of its URL, else none."""

    @property
    def pace(self) -> float:
        """Seconds between requests: as configured, else as the profile with its URL says."""
        if self.seconds_between is not None:
            return self.seconds_between
        return max((profile.seconds_between for profile in PROFILES.values() if profile.url == self.url), default=0.0)

    @property
    def local(self) -> bool:
        """Whether it is the self-asserted one."""
        return self.url == "local"

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if value != "local" and not value.startswith(("http://", "https://")):
            raise ValueError("must be 'local' or an http or https URL")
        return value


class EvidenceSection(_Section):
    """How evidence is kept alive after it was made."""

    sweep_rate: Annotated[float, Field(gt=0, le=100_000)] = 50.0
    """Items a second that are verified again in the background; low, so that collection never feels it."""
    retention_rate: Annotated[float, Field(gt=0, le=10_000)] = 100.0
    """Payloads a second that retention deletes at most."""
    checkpoints: StrictStr | None = None
    """Folder, relative to the file, where each batch's root is published as a signed checkpoint; null: nowhere."""


class FleetConfiguration(_Section):
    """Everything that `vedette up` starts."""

    data: StrictStr = "var"
    """Folder for keys, credentials, outboxes, documents and the store, relative to the file."""
    store: StrictStr | None = None
    """URL of the store, `sqlite:///path` or `postgresql+psycopg://…`; default `store.db` in `data`."""
    store_listen: StrictStr | None = None
    """URL of the same PostgreSQL without the pooler that `store` goes through (PgBouncer): it keeps no LISTEN."""
    store_connections: Annotated[int, Field(ge=1, le=64, strict=True)] = 4
    """Connections to the store that read at the same time, of hub and engine each; one more writes, one listens."""
    replica: StrictStr | None = None
    """URL of a streaming replica of the store's PostgreSQL, which answers what the API and console only read."""
    replica_lag: Seconds = 5.0
    """Seconds that the replica may be behind; while it is further, the store itself answers."""
    graph: StrictStr | None = None
    """URL of the knowledge graph; default `graph.db` beside an SQLite store, or else the store's own database."""
    xmpp: XmppSection = XmppSection()
    """The XMPP server."""
    api: ApiSection = ApiSection()
    """The HTTP API."""
    batch: BatchSection = BatchSection()
    """Batches of items."""
    evidence: EvidenceSection = EvidenceSection()
    """What becomes of proofs later."""
    correlation: CorrelationPolicy = CorrelationPolicy()
    """When a change, a silence or a disagreement is worth telling."""
    repairs: RepairPolicy = RepairPolicy()
    """When something is wrong enough that a person must know."""
    fetching: FetchingSection = FetchingSection()
    """Whom Vedette asks over HTTP, and how much it takes."""
    people: Annotated[list[PersonSection], Field(max_length=MAX_PEOPLE)] = []
    """Who may see the fleet and speak to it from an XMPP client; nobody else learns anything from an agent."""
    jobs: JobsSection = JobsSection()
    """One-shot jobs: what they may do, and who does them here."""
    retention: Annotated[list[RetentionPolicy], Field(max_length=64)] = []
    """When payloads are deleted; the first policy that fits an item governs it, and no policy keeps for ever."""
    tsa: Annotated[list[AuthoritySection], Field(min_length=1, max_length=8)] = [AuthoritySection(name="local")]
    """Time-stamping authorities; each gives every batch a token of its own."""
    registry: AgentSection = AgentSection(name="registry")
    """The registry agent."""
    aggregation: AgentSection = AgentSection(name="aggregation")
    """The aggregation engine in the hub."""
    engines: Annotated[list[EngineSection], Field(max_length=MAX_ENGINES)] = []
    """More engines, each in a process of its own; they need one PostgreSQL as the store."""
    probes: list[StrictStr] = []
    """Probe configuration files, relative to the file."""
    collectors: Annotated[list[CollectorSection], Field(max_length=MAX_COLLECTORS)] = []
    """Collectors that run on this machine, in one process with the probes."""
    gateways: Annotated[list[GatewaySection], Field(max_length=MAX_GATEWAYS)] = []
    """Gateways to AMQP brokers such as RabbitMQ, in one process with the probes and collectors."""
    rt: RtSection = RtSection()
    """The agents that read items into the knowledge graph."""
    sharing: SharingSection = SharingSection()
    """What is shared with other platforms."""
    log_json: StrictBool = False
    """Log lines as JSON instead of text."""
    log: LogSection = LogSection()
    """Where the log of `vedette up` goes."""
    trust: StrictStr | None = None
    """PEM file of roots that `vedette verify` believes by default, relative to the file."""

    @property
    def engine_names(self) -> list[str]:
        """Names of all aggregation engines, the hub's first."""
        return [section.name for section in (self.aggregation, *self.engines)]

    @field_validator("registry", "aggregation", mode="before")
    @classmethod
    def _is_named(cls, value: Any, information: ValidationInfo) -> Any:
        return {"name": information.field_name, **value} if isinstance(value, dict) else value

    @field_validator("retention")
    @classmethod
    def _policies_differ(cls, value: list[RetentionPolicy]) -> list[RetentionPolicy]:
        names = [policy.name for policy in value]
        if len(set(names)) != len(names):
            raise ValueError("two policies have the same name")
        return value

    @field_validator("people")
    @classmethod
    def _people_are_ours(cls, value: list[PersonSection], information: ValidationInfo) -> list[PersonSection]:
        known = [section.jid for section in value]
        if len(set(known)) != len(known):
            raise ValueError("somebody is in it twice")
        xmpp = information.data.get("xmpp")
        domain = xmpp.domain.lower() if isinstance(xmpp, XmppSection) and xmpp.is_ours else None
        for section in value:
            # Our servers speak to no other server: nobody else's account could reach one.
            if domain not in (None, section.domain):
                raise ValueError(f"{section.jid}: only accounts of {domain} can reach this server")
        return value

    @model_validator(mode="after")
    def _people_are_no_agents(self) -> Self:
        ours = (self.registry, self.aggregation)
        check_engines(self.engines, store=self.store, taken=[section.name for section in ours])
        check_replica(self.replica, store=self.store)
        agents = {f"{section.name}@{self.xmpp.domain}" for section in (*ours, *self.engines)}
        for section in self.people:
            if section.jid in agents:
                raise ValueError(f"people: {section.jid} is an agent")
        return self

    @field_validator("tsa")
    @classmethod
    def _names_differ(cls, value: list[AuthoritySection]) -> list[AuthoritySection]:
        names = [authority.name for authority in value]
        if len(set(names)) != len(names):
            raise ValueError("two authorities have the same name")
        for authority in value:
            if not authority.local and authority.roots is None:
                raise ValueError(f"{authority.name}: roots are required for an external authority")
        return value


class FleetPaths:
    """Where a fleet keeps things."""

    def __init__(self, *, file: Path, configuration: FleetConfiguration) -> None:
        self.file = file.resolve()
        """The configuration file."""
        self.data = (self.file.parent / configuration.data).resolve()
        """The data folder."""
        urls = DatabaseUrls.of(
            store=configuration.store or f"sqlite:///{self.data / 'store.db'}",
            graph=configuration.graph,
            listen=configuration.store_listen,
            folder=self.file.parent,
        )
        self.store_url = urls.store
        """URL of the store, marked as pooled where there is a pooler."""
        self.graph_url = urls.graph
        """URL of the knowledge graph, likewise."""
        self.direct_store_url = urls.direct_store
        """URL of the store without a pooler: copies and restores set up their connections for themselves."""
        self.direct_graph_url = urls.direct_graph
        """URL of the knowledge graph, likewise."""
        self.xmpp = self.data / "xmpp"
        """The embedded server's folder."""
        self.tsa = self.data / "tsa"
        """The local authority's folder."""
        self.credentials = self.data / "credentials"
        """Credentials files and signing keys."""
        self.outboxes = self.data / "outbox"
        """One SQLite file an agent."""
        self.documents = self.data / "documents"
        """Content-addressed files of the document service."""
        self.run = self.data / "run"
        """What running processes say of themselves: ports and addresses."""
        self.roots = self.tsa / "roots.pem"
        """Roots of the local authority."""
        self.external_roots = self.file.parent / "roots"
        """Roots of external authorities by name; they stay when one is removed, for what it proved."""

    def near(self, name: str) -> Path:
        """Return a path that the configuration names, relative to the file."""
        return (self.file.parent / name).resolve()

    def credentials_of(self, name: str) -> Path:
        """Return the credentials file of an agent."""
        return self.credentials / f"{name}.json"

    def outbox_of(self, name: str) -> Path:
        """Return the outbox file of an agent."""
        return self.outboxes / f"{name}.db"

    def make(self) -> None:
        """Make the folders, readable by us alone.

        Raises:
            ConfigurationError: a folder cannot be made.
        """
        for folder in (self.data, self.xmpp, self.tsa, self.credentials, self.outboxes, self.documents, self.run):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigurationError(str(folder), "", f"cannot be made: {error.strerror}") from error


def load_fleet(file: Path) -> tuple[FleetConfiguration, FleetPaths]:
    """Read `vedette.yml`.

    Raises:
        ConfigurationError: names the file, the key and the reason.
    """
    configuration = load(file, FleetConfiguration)
    return configuration, FleetPaths(file=file, configuration=configuration)
