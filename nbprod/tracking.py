"""Runs, model versions and aliases in MLflow: the only module that imports it."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nbprod.errors import MissingDependencyError, StoreError
from nbprod.masking import mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from nbprod.records import Snapshot

ALIASES = ("candidate", "champion", "previous")
ARTIFACTS = "mlartifacts"
_PARAMETER_LENGTH = 6000  # MLflow's own limit for one value, and for those below
_TAG_LENGTH = 5000
_DATASET_NAME_LENGTH = 500
_DATASET_DIGEST_LENGTH = 36
_DATASET_SCHEMA_LENGTH = 60_000
# Read when MLflow is imported, or when it calls; its own retries take four minutes to give up.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
_SQLITE = "sqlite:///"
_HINT = "is the tracking server reachable? see `nbprod config show` for store.tracking_uri"


def log_run(
    uri: str,
    experiment: str,
    *,
    parameters: Mapping[str, Any],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    artifacts: Path,
    started_at: datetime,
    snapshot: Snapshot | None = None,
) -> str:
    """Logs one finished run with every file below a folder; the MLflow run id.

    artifacts: what lies below it keeps its path, so ``bundle/`` becomes the run's ``bundle/``.
    started_at: with its time zone. snapshot: the run's data set. A run that cannot be logged
    whole is marked as failed. Raises StoreError when the tracking store does not answer.
    """
    from nbprod.records import canonical_json

    with _client(uri) as client:
        from mlflow.entities import Metric, Param, RunTag

        run = client.create_run(
            _experiment(client, uri, experiment),
            start_time=int(started_at.timestamp() * 1000),
            run_name=tags.get("mlflow.runName"),
        )
        run_id: str = run.info.run_id
        now = int(time.time() * 1000)
        texts = {
            name: value if isinstance(value, str) else canonical_json(value)
            for name, value in parameters.items()
        }
        with _failed_unless_whole(client, run_id):
            client.log_batch(
                run_id,
                metrics=[Metric(name, float(value), now, 0) for name, value in metrics.items()],
                params=[Param(name, text[:_PARAMETER_LENGTH]) for name, text in texts.items()],
                tags=[RunTag(name, str(value)[:_TAG_LENGTH]) for name, value in tags.items()],
            )
            if snapshot is not None:
                client.log_inputs(run_id, datasets=[_dataset(snapshot)])
            client.log_artifacts(run_id, str(artifacts))
            client.set_terminated(run_id, status="FINISHED")
        return run_id


def log_evidence(
    uri: str,
    name: str,
    number: int,
    run_id: str,
    *,
    folder: Path,
    place: str,
    tags: Mapping[str, str],
) -> None:
    """Adds a folder to a run's artifacts under a place, and tags to its model version.

    Raises StoreError when the tracking store does not answer.
    """
    with _client(uri) as client:
        client.log_artifacts(run_id, str(folder), place)
        for tag_name, value in tags.items():
            client.set_model_version_tag(name, str(number), tag_name, value)


@contextlib.contextmanager
def _failed_unless_whole(client: Any, run_id: str) -> Iterator[None]:
    """A run whose logging is interrupted says so, where the store still answers."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            client.set_terminated(run_id, status="FAILED")
        raise


def _dataset(snapshot: Snapshot) -> Any:
    """A snapshot as MLflow's data set; its digest there holds but 36 characters."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    profile = {"num_rows": snapshot.rows, "digest": snapshot.digest}
    profile |= {"time_start": snapshot.time_start, "time_end": snapshot.time_end}
    dataset = Dataset(
        name=snapshot.uri[:_DATASET_NAME_LENGTH],
        digest=snapshot.digest[:_DATASET_DIGEST_LENGTH],
        source_type="nbprod",
        source=json.dumps({"uri": snapshot.uri, "query": snapshot.query}),
        schema=json.dumps(snapshot.dtypes)[:_DATASET_SCHEMA_LENGTH],
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, tags=[InputTag("mlflow.data.context", "training")])


def register(uri: str, name: str, run_id: str) -> int:
    """Registers a run's bundle as the next version N of a model."""
    with _client(uri) as client:
        from mlflow.exceptions import MlflowException

        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{client.get_run(run_id).info.artifact_uri}/bundle"
        version = client.create_model_version(name, source, run_id, await_creation_for=None)
        return int(version.version)


def set_alias(uri: str, name: str, alias_name: str, number: int) -> None:
    """Points an alias at version N of a model."""
    with _client(uri) as client:
        client.set_registered_model_alias(name, alias_name, str(number))


def delete_alias(uri: str, name: str, alias_name: str) -> None:
    """Takes an alias away; nothing happens where it does not exist."""
    with _client(uri) as client:
        client.delete_registered_model_alias(name, alias_name)


def alias(uri: str, name: str, alias_name: str) -> int | None:
    """The version an alias points at; None where the model or the alias does not exist."""
    return aliases(uri, name).get(alias_name)


def aliases(uri: str, name: str) -> dict[str, int]:
    """Every alias of a model and its version; empty where the model does not exist."""
    with _client(uri) as client:
        from mlflow.exceptions import MlflowException

        try:
            model = client.get_registered_model(name)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return {}
            raise
        return {str(item): int(number) for item, number in dict(model.aliases).items()}


def is_registered(uri: str, name: str, number: int, run_id: str) -> bool:
    """Whether the registry still holds version N of a model, and it is the one this run made.

    Raises StoreError when the tracking store does not answer.
    """
    with _client(uri) as client:
        from mlflow.exceptions import MlflowException

        try:
            return bool(client.get_model_version(name, str(number)).run_id == run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise


@contextlib.contextmanager
def _client(uri: str) -> Iterator[Any]:
    """A client of one tracking store; whatever it raises becomes a StoreError."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise MissingDependencyError(
            f"mlflow cannot be imported: {error}", hint="pip install 'mlflow>=3.10,<3.18'"
        ) from error
    with _quiet():
        try:
            with _alone_at(uri):
                client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            yield client
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                f"the tracking store needs {error.name}", hint=f"pip install {error.name}"
            ) from error
        except (MlflowException, SQLAlchemyError, OSError) as error:
            known = [password] if (password := urlsplit(uri).password) else []
            text = mask(f"MLflow at {uri}: {error}", known=known)
            raise StoreError(text, hint=_hint(text)) from error


def _hint(text: str) -> str:
    if "disk is full" in text or "No space left" in text:
        return "make room on the disk, then run the command again"
    if "database is locked" in text:
        return "another program writes to it: end it, or give the runs a server of their own"
    return _HINT


@contextlib.contextmanager
def _alone_at(uri: str) -> Iterator[None]:
    """One process at a time opens a database in a file, for the first one makes its tables.

    A second one that opened it meanwhile would make them too, and neither could use it again.
    """
    if not uri.startswith(_SQLITE):
        yield
        return
    database = Path(uri.removeprefix(_SQLITE))
    database.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        try:
            file = held.enter_context(database.with_name(f".{database.name}.lock").open("w"))
        except OSError:
            if not database.exists():
                raise
        else:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield  # also where nobody may write: the tables are there


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """MLflow and Alembic keep to warnings, and off stdout, where records are printed as JSON."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _experiment(client: Any, uri: str, name: str) -> str:
    """The experiment's id; a new one keeps its artifacts beside a SQLite store."""
    from mlflow.exceptions import MlflowException

    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    place = None  # a server decides for itself
    if uri.startswith(_SQLITE):
        place = (Path(uri.removeprefix(_SQLITE)).parent / ARTIFACTS).resolve().as_uri()
    try:
        return str(client.create_experiment(name, artifact_location=place))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return str(client.get_experiment_by_name(name).experiment_id)  # made meanwhile
