"""The other end of `sending.fresh_rerun`: `python -m nbprod.parity.fresh_process FOLDER`.

The pickles it reads were written a moment ago by its parent, into a folder only it can read.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from nbprod.parity.calls import Raised, invoke, quiet
from nbprod.parity.clock import set_ahead


def main(folder: str) -> None:
    """Transform the rows in the folder; write features there, or what was raised."""
    import pandas as pd

    rows = pd.read_pickle(Path(folder, "rows"))  # noqa: S301 - see above
    try:
        with set_ahead():
            transform, state = pickle.loads(Path(folder, "call").read_bytes())  # noqa: S301
            features = quiet(lambda: invoke(transform, rows, state))
    except Raised as raised:
        Path(folder, "raised").write_text(raised.text, encoding="utf-8")
    else:
        features.to_pickle(Path(folder, "features"))


if __name__ == "__main__":
    main(sys.argv[1])
