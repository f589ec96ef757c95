"""The same rows through the train path and the serve path: proof of parity, or where it ends."""

from nbprod.parity.report import check_parity

__all__ = ["check_parity"]
