"""The PostgreSQL that other tests rely on."""

from __future__ import annotations

import psycopg
import pytest
from postgres import Cluster

pytestmark = pytest.mark.engine


def test_what_was_committed_survives_kill_9_of_the_server(
    postgres_cluster: Cluster, postgres_url: str
) -> None:
    """The server is a real one: after SIGKILL it recovers what it had acknowledged."""
    connection = psycopg.connect(postgres_url)
    connection.execute("create table kept (n int)")
    connection.execute("insert into kept values (1)")
    connection.commit()
    connection.execute("insert into kept values (2)")
    postgres_cluster.kill()
    with pytest.raises(psycopg.OperationalError):
        connection.commit()
    connection.close()
    postgres_cluster.start()
    with psycopg.connect(postgres_url) as again:
        assert again.execute("select n from kept").fetchall() == [(1,)]
