"""One reproducible run of the module: load, split, fit, transform, train, and what it leaves."""

from nbprod.training.parameters import checked_parameters
from nbprod.training.preparation import Prepared, prepare
from nbprod.training.reproduce import Reproduced, reproduce
from nbprod.training.run import train

__all__ = ["Prepared", "Reproduced", "checked_parameters", "prepare", "reproduce", "train"]
