"""The prediction log: one record per prediction, joined later with its outcome."""

from nbprod.data.prediction_log.database import share, shared
from nbprod.data.prediction_log.following import Follower
from nbprod.data.prediction_log.outcomes import counts, damage, joined, outcomes, post_outcomes
from nbprod.data.prediction_log.reader import find, moment, query
from nbprod.data.prediction_log.upkeep import Upkeep, keep_up
from nbprod.data.prediction_log.writer import LogWriter, WriterCounts

__all__ = [
    "Follower",
    "LogWriter",
    "Upkeep",
    "WriterCounts",
    "counts",
    "damage",
    "find",
    "joined",
    "keep_up",
    "moment",
    "outcomes",
    "post_outcomes",
    "query",
    "share",
    "shared",
]
