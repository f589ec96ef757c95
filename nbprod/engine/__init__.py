"""A local Ray that outlives the command, or an existing cluster; started and ended by id.

Every process of a local engine carries ``NBPROD_ENGINE=<id>`` in its environment: that marker,
never a name, says what belongs to it. The engine listens on loopback only and asks for a token,
because on a machine with several users loopback alone lets any of them run code in it.
"""

from nbprod.engine.description import MARKER, Engine, existing_engine, read_engine
from nbprod.engine.ending import end_engine, engine_processes, processes
from nbprod.engine.joining import NAMESPACE, connect, disconnect, leaving
from nbprod.engine.ports import free_port
from nbprod.engine.starting import start_engine

__all__ = [
    "MARKER",
    "NAMESPACE",
    "Engine",
    "connect",
    "disconnect",
    "end_engine",
    "engine_processes",
    "existing_engine",
    "free_port",
    "leaving",
    "processes",
    "read_engine",
    "start_engine",
]
