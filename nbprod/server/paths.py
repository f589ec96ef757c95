"""Paths of requests, confined to the folder that the Jupyter server shows."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from nbprod.server.problems import RefusedError

_LONGEST, _LONGEST_NAME = 3000, 255  # what Linux takes, with room for what stands before


def confined(root: Path, path: str) -> Path:
    """The real place of a path that is relative to the root, as the contents API names it.

    RefusedError (404, saying nothing of what is there): an absolute path, ``..``, a link that leads
    outside, a NUL. The place need not exist.
    """
    parts = PurePosixPath(path.strip("/") if path != "/" else "").parts
    wrong = "\0" in path or "\\" in path or ".." in parts or path.startswith("//")
    wrong = (
        wrong or len(path) > _LONGEST or any(len(part.encode()) > _LONGEST_NAME for part in parts)
    )
    if not wrong:
        try:
            place = Path(root, *parts).resolve()
            inside = root.resolve()
        except (OSError, RuntimeError, ValueError):  # a loop of links
            wrong = True
        else:
            if place == inside or place.is_relative_to(inside):
                return place
    raise RefusedError(
        404,
        f"there is no {path!r} in the server's folder",
        hint="paths are relative to the folder in which JupyterLab was started",
    )


def relative(root: Path, place: Path | str) -> str:
    """A place as the contents API names it; "" for the root itself."""
    inside = Path(place).resolve().relative_to(root.resolve()).as_posix()
    return "" if inside == "." else inside


def project_folder(root: Path, path: str) -> Path:
    """The nearest folder with an nbprod.toml, from the path up to the root; else RefusedError."""
    from nbprod.config import FILE_NAME

    place = confined(root, path)
    inside = root.resolve()
    for folder in (place, *place.parents):
        if (folder / FILE_NAME).is_file():
            return folder
        if folder == inside:
            break
    raise RefusedError(
        404,
        f"{path or 'the folder'} is outside any nbprod project",
        hint=f"create one: it needs a folder with {FILE_NAME}",
        type="urn:nbprod:no-project",
    )
