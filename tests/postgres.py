"""A real PostgreSQL for the tests: a private cluster on a free port of loopback, one a run."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbprod.engine import free_port

_BINARIES = "/usr/lib/postgresql/*/bin"  # Debian keeps them off the path
_USER = "nobody"  # PostgreSQL refuses to run as root


@dataclass
class Cluster:
    """A running server; every test makes its own database in it."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        """A database URL, as `[store] url` takes it."""
        return f"postgresql://nbprod@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a database that did not exist before."""
        import psycopg

        name = f"d{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return self.url(name)

    def start(self) -> None:
        """Start the server on its port; returns once it answers."""
        command = [_binary("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=_user()
        )
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL of the server and every process of it, as a crash would."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        pids = [int(pid) for pid in children.read_text().split()]
        for pid in (self.process.pid, *pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End the server; open connections are cut."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=30)

    def _answers(self) -> bool:
        command = [_binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A new cluster with the user ``nbprod``; on loopback it asks for no password."""
    folder = Path(tempfile.mkdtemp(prefix="nbprod-pg-"))
    try:
        if (user := _user()) is not None:
            shutil.chown(folder, user)
        subprocess.run(
            [
                *(_binary("initdb"), "-D", str(folder / "data"), "-U", "nbprod"),
                *("-A", "trust", "-E", "UTF8", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            user=user,
            cwd=folder,
        )
        made = Cluster(folder, free_port())
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str | None:
    """Whom the server runs as: this user, or nobody where this user is root."""
    return pwd.getpwnam(_USER).pw_name if os.geteuid() == 0 else None


def _binary(name: str) -> str:
    found = shutil.which(name) or shutil.which(
        name, path=os.pathsep.join(map(str, sorted(Path("/").glob(_BINARIES[1:]), reverse=True)))
    )
    assert found, (
        "PostgreSQL is missing; `make test` installs it (Debian: apt-get install postgresql)"
    )
    return found
