"""`pantau-collector init`: a server as it is found becomes one that a collector and Grafana can use, once."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest
from pydantic import SecretStr
from tests.collector.storage.building import START_NS, arrival, batch, point_of
from tests.collector.storage.conftest import ELSEWHERE
from tests.fakes import influxd
from tests.fakes.brokers import HOST

from pantau_collector.cli import main
from pantau_collector.config import load
from pantau_collector.errors import StoreRefusesError
from pantau_collector.storage.base import SeriesRow
from pantau_collector.storage.influx.store import InfluxStore
from pantau_wire.fields import Dns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fakes.influxd import Influxd

    from pantau_collector.storage.base import Arrival

ADMIN = ["--admin", "kepala", "--password-file"]
ROW = SeriesRow("village_silence", ("33.10.25.2007", "33.10.25", "33.10", "33"), 1, {"silent_minutes": 1.0})
MONTH = SeriesRow(
    "sla_month", ("33.10.25.2007", "", "", "", "isp"), 1_790_000_000 * 10**9, {"verdict": "met"}
)


class Said(NamedTuple):
    """What the command answered."""

    code: int
    out: str
    err: str

    @property
    def states(self) -> dict[tuple[str, str, str], str]:
        assert self.out, self.err
        items = json.loads(self.out)["items"]
        return {(item["what"], item["name"], item["detail"]): item["state"] for item in items}


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return tmp_path / "collector.toml"


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("tujuh 'sawah' di tepi kali\n")
    return file


@pytest.fixture
def init(
    settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    monkeypatch.setenv("LANGUAGE", "en")

    def command(*words: object) -> Said:
        code = main(["--config", str(settings), "init", *map(str, words)])
        return Said(code, *capsys.readouterr())

    return command


def configure(file: Path, url: str, database: str, more: str = "") -> None:
    file.write_text(
        f'[store]\nkind = "influxdb"\n[store.influxdb]\nurl = "{url}"\ndatabase = "{database}"\n{more}\n'
    )


LOGIN = {"TOKEN": "token", "USERNAME": "username", "USER": "username", "PASSWORD": "password"}


def by_ending(secrets: dict[str, str]) -> dict[str, str]:
    return {name.rpartition("_")[2]: value for name, value in secrets.items()}


@contextlib.contextmanager
def as_role(settings: Path, secrets: dict[str, str]) -> Iterator[InfluxStore]:
    """A store that logs in with what `init` gave a role."""
    found = {LOGIN[ending]: value for ending, value in by_ending(secrets).items() if ending in LOGIN}
    login = {name: value if name == "username" else SecretStr(value) for name, value in found.items()}
    config = load(settings).store.influxdb.model_copy(update={"token": None} | login)
    with contextlib.closing(InfluxStore(config)) as store:
        yield store


def test_a_server_without_logins(influx: Influxd, init: Callable[..., Said], settings: Path):
    """On a server that asks nobody: what a check misses is made, and once."""
    configure(settings, influx.url, f"desa_{uuid.uuid4().hex}")
    check = init("--check", "--json")
    assert (check.code, set(check.states.values())) == (1, {"missing"})
    assert init("--check", "--json").out == check.out
    made = init("--json")
    assert (made.code, set(made.states.values())) == (0, {"made"})
    assert [detail for _, _, detail in made.states] == ["120 d", "397 d", "∞"]
    again = init("--check", "--json")
    assert (again.code, set(again.states.values()), json.loads(again.out)["changes"]) == (0, {"there"}, 0)
    with as_role(settings, {}) as store:
        store.write(batch(recent()))
        store.write_series([MONTH])
        assert store.series("sla_month") == [MONTH]


def test_retention_grows_and_never_shrinks_unasked(
    influx: Influxd, init: Callable[..., Said], settings: Path
):
    """Longer retention is set; a shorter one, which deletes, only where somebody says so."""
    name = f"desa_{uuid.uuid4().hex}"
    configure(settings, influx.url, name)
    init()
    configure(settings, influx.url, name, "[store.influxdb.retention]\nraw_days = 150\nrollup_days = 150")
    assert init("--check", "--json").states == {
        ("database", name, "120 d → 150 d"): "differs",
        ("database", f"{name}_rollup", "397 d → 150 d"): "kept",
        ("database", f"{name}_history", "∞"): "there",
    }
    said = init()
    assert (said.code, "--shorten" in said.out) == (0, True)
    assert "3600h0m0s" in influx.run(f"SHOW RETENTION POLICIES ON {name}")
    assert "9528h0m0s" in influx.run(f"SHOW RETENTION POLICIES ON {name}_rollup")
    assert init("--shorten", "--json").states["database", f"{name}_rollup", "397 d → 150 d"] == "changed"
    assert init("--check").code == 0


def test_what_is_too_old_is_left_out(influx: Influxd, init: Callable[..., Said], settings: Path):
    """Derived rows that their database would delete at once are left out; those beside them are stored."""
    configure(settings, influx.url, f"desa_{uuid.uuid4().hex}")
    init()
    with as_role(settings, {}) as store:
        check_too_old(store)


def test_logins_on_version_1(tmp_path: Path, init: Callable[..., Said], settings: Path, password: Path):
    """A fresh server gets administrator, users and rights; each role can what it must, and no more."""
    with influxd.running(tmp_path, auth=True) as server:
        configure(settings, server.url, "desa")
        assert init("--check").code == 2
        assert init("--check", "--setup", *ADMIN, password).code == 1
        secrets = tmp_path / "secrets"
        said = init("--setup", *ADMIN, password, "--secrets", secrets)
        assert said.code == 0, said
        grafana = variables(
            (secrets / "grafana.env").read_text()
        )  # as its provisioned data sources name them
        assert list(grafana) == [f"PANTAU_INFLUX_{name}" for name in ("URL", "DATABASE", "USER", "PASSWORD")]
        assert {stat.S_IMODE(file.stat().st_mode) for file in secrets.iterdir()} == {0o600}
        again = init("--setup", *ADMIN, password, "--json")
        assert (again.code, set(again.states.values())) == (0, {"there"})
        check_roles(settings, {file.stem: variables(file.read_text()) for file in secrets.iterdir()})
        former = variables((secrets / "collector.env").read_text())
        renewed = init(*ADMIN, password, "--new-secrets", "--json")
        check_roles(settings, json.loads(renewed.out)["secrets"])
        with as_role(settings, former) as store, pytest.raises(StoreRefusesError, match="401"):
            store.series("late")


def check_too_old(store: InfluxStore) -> None:
    """Of nine recent rows and an old one in one request the nine are stored."""
    village = uuid.uuid4().hex
    old = msgspec.structs.replace(ROW, tags=(village, *ROW.tags[1:]))
    now_ns = time.time_ns()
    news = [msgspec.structs.replace(old, time_ns=now_ns - minute * 60 * 10**9) for minute in range(9, 0, -1)]
    store.write_series([*news[:4], old, MONTH, *news[4:]])
    assert store.series("village_silence", where={"village": village}) == news
    assert store.series("sla_month") == [MONTH]


def recent() -> Arrival:
    """A record of this hour: older ones than 120 days are refused."""
    return arrival(Dns(resolver="r", name="n"), at_s=int(time.time()) - START_NS / 1e9)


def variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def check_roles(settings: Path, secrets: dict[str, dict[str, str]]) -> None:
    """The collector reads and writes everywhere, Grafana reads everywhere and writes nowhere."""
    sent = recent()
    with as_role(settings, secrets["collector"]) as store:
        store.write(batch(sent))
        check_too_old(store)
        assert store.acquire_lease("analysis", "a", 60)
    with as_role(settings, secrets["grafana"]) as store:
        assert store.series("sla_month") == [MONTH]
        assert store.points("dns", "desa-1", newest=1) == [point_of(sent)]
        with pytest.raises(StoreRefusesError, match=r"40[13]"):
            store.write_series([MONTH])


@pytest.mark.skipif(not os.environ.get("PANTAU_TEST_INFLUX_ORG"), reason=f"needs {ELSEWHERE} of version 2")
def test_version_2(init: Callable[..., Said], settings: Path, monkeypatch: pytest.MonkeyPatch):
    """On version 2: organisation, buckets, mappings and scoped tokens, each made once."""
    monkeypatch.setenv("PANTAU_INIT_TOKEN", os.environ["PANTAU_TEST_INFLUX_TOKEN"])
    name = f"desa_{uuid.uuid4().hex}"
    configure(settings, os.environ[ELSEWHERE], name, f'org = "{name}"')
    check = init("--check", "--json")
    assert (check.code, set(check.states.values())) == (1, {"missing"})
    made = init("--json")
    assert (made.code, {what for what, _, _ in made.states}) == (
        0,
        {"organization", "bucket", "mapping", "token"},
    )
    check_roles(settings, json.loads(made.out)["secrets"])
    again = init("--json")
    assert (set(again.states.values()), json.loads(again.out)["secrets"]) == ({"there"}, {})
    check_roles(settings, json.loads(init("--new-secrets", "--json").out)["secrets"])


class _Three(BaseHTTPRequestHandler):
    """What version 3 answers about its databases."""

    def do_GET(self) -> None:
        there = [{"iox::database": name} for name in self.server.made]
        answers = {"/ping": {"version": "3.4.1"}, "/api/v3/configure/database?format=json": there}
        self._answer(answers[self.path])

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.made[asked["db"]] = asked.get("retention_period")
        self._answer({})

    def _answer(self, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_version_3(init: Callable[..., Said], settings: Path):
    """On version 3 databases are made with their retention, by the API that its documentation describes."""
    with ThreadingHTTPServer((HOST, 0), _Three) as server:
        server.made = {"_internal": None}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        configure(settings, f"http://{HOST}:{server.server_port}", "desa")
        assert set(init("--check", "--json").states.values()) == {"missing"}
        assert server.made == {"_internal": None}
        assert init().code == 0
        assert server.made == {
            "_internal": None,
            "desa": "120d",
            "desa_rollup": "397d",
            "desa_history": None,
        }
        assert set(init("--json").states.values()) == {"there"}
        server.shutdown()


def test_sqlite_needs_nothing(init: Callable[..., Said], settings: Path):
    """With the embedded store there is nothing to prepare, and that is what is said."""
    settings.write_text('[store]\nkind = "sqlite"\n')
    assert init() == (0, "the embedded store (SQLite) needs no preparation\n", "")


def test_wrong_use(init: Callable[..., Said], settings: Path, influx: Influxd, tmp_path: Path):
    """Who forgets a password, or names a file that is not there, is told so, and nothing is changed."""
    configure(settings, influx.url, "desa")
    assert init("--admin", "kepala").err.startswith("pantau-collector: --admin needs a password")
    assert "cannot read" in init("--token-file", tmp_path / "nothing").err
    assert "needs a name and a password" in init("--setup").err
