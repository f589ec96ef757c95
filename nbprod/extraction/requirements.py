"""What each role of a module must have installed: distributions by name, never versions.

The names come from a table of those that differ from what is imported, not from this machine, so
that the module's bytes are the same everywhere; a run's lock pins the versions.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from nbprod.extraction.imports import is_standard
from nbprod.notebook.syntax import children, once_per_node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Import name -> distribution, where the two differ by more than - and _.
_TABLE = """
attr attrs  Bio biopython  bs4 beautifulsoup4  cairo pycairo  community python-louvain
Crypto pycryptodome  cv2 opencv-python-headless  dateutil python-dateutil  docx python-docx
dotenv python-dotenv  faiss faiss-cpu  fitz PyMuPDF  git GitPython  google.protobuf protobuf
googleapiclient google-api-python-client  imblearn imbalanced-learn  jose python-jose  jwt PyJWT
magic python-magic  mpl_toolkits matplotlib  MySQLdb mysqlclient  OpenSSL pyOpenSSL  osgeo GDAL
PIL pillow  pkg_resources setuptools  pptx python-pptx  psycopg2 psycopg2-binary  pylab matplotlib
pywt PyWavelets  serial pyserial  skbio scikit-bio  skimage scikit-image  sklearn scikit-learn
skopt scikit-optimize  sksurv scikit-survival  slugify python-slugify
snowflake.connector snowflake-connector-python  surprise scikit-surprise  umap umap-learn
usb pyusb  websocket websocket-client  win32com pywin32  yaml PyYAML  zmq pyzmq
"""
_WORDS = _TABLE.split()
_DISTRIBUTIONS: dict[str, str] = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True))
# Packages that several distributions share: each is named by its first parts.
_SHARED = {"google.cloud": 3, "azure": 3}
# Where each role starts; what it imports of the module itself is followed.
ROLES: dict[str, tuple[str, ...]] = {
    "serving": ("__init__.py", "schemas.py", "features.py", "inference.py"),
    "training": ("__init__.py", "schemas.py", "data.py", "features.py", "training.py"),
}


def requirements(
    trees: Mapping[str, ast.Module], beside: frozenset[str] = frozenset()
) -> dict[str, list[str]]:
    """The distributions that each role of a module imports: {"serving": [...], ...}, sorted.

    trees: path in the package -> its syntax. "serving" is what a replica needs, "training" what a
    run needs, "tests" what the module's tests need beside a run; imports that the code can do
    without (within ``try``, or guarded by ``TYPE_CHECKING``) are "optional". beside: modules that
    lie beside the notebook; no distribution gives them.
    """
    files = {path: _Imports(tree, path) for path, tree in trees.items()}
    needed = {role: _reached(files, starts) for role, starts in ROLES.items()}
    needed["tests"] = _reached(files, [path for path in files if path.startswith("tests/")])
    certain = set().union(*needed.values())
    needed["tests"] -= needed["training"]
    needed["optional"] = set().union(*(item.optional for item in files.values())) - certain
    return {
        role: sorted({distribution(n) for n in names if n.partition(".")[0] not in beside})
        for role, names in needed.items()
    }


def distribution(module: str) -> str:
    """The distribution that gives an imported module, normalised as PyPI does."""
    for package, parts in _SHARED.items():
        if module.startswith(f"{package}."):
            return "-".join(module.split(".")[:parts]).replace("_", "-").lower()
    name = module
    while name not in _DISTRIBUTIONS and "." in name:
        name = name.rpartition(".")[0]
    found = _DISTRIBUTIONS.get(name, module.partition(".")[0])
    return re.sub(r"[-_.]+", "-", found).lower()


class _Imports:
    """What one file imports: surely and perhaps from outside, and of the module itself."""

    def __init__(self, tree: ast.Module, path: str) -> None:
        self.outside: set[str] = set()
        self.optional: set[str] = set()
        self.own: set[str] = set()  # paths in the package
        self.path = path
        for statement in tree.body:
            for node, perhaps in _import_statements(statement):
                self._read(node, perhaps=perhaps)

    def _read(self, node: ast.Import | ast.ImportFrom, *, perhaps: bool) -> None:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif node.level:
            self._read_own(node)
        elif node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        outside = {name for name in names if not is_standard(name)}
        (self.optional if perhaps else self.outside).update(outside)

    def _read_own(self, node: ast.ImportFrom) -> None:
        folder = self.path.split("/")[: -node.level]
        if node.module:
            self.own.add("/".join([*folder, *node.module.split(".")]) + ".py")
        else:
            self.own |= {"/".join([*folder, alias.name]) + ".py" for alias in node.names}


@once_per_node
def _import_statements(statement: ast.stmt) -> list[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Every import within a statement, and whether the code can do without it."""
    found: list[tuple[ast.Import | ast.ImportFrom, bool]] = []
    pending: list[tuple[ast.AST, bool]] = [(statement, False)]
    while pending:
        node, perhaps = pending.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append((node, perhaps))
        guarded = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        maybe = perhaps or guarded or isinstance(node, ast.Try)
        pending += [
            (child, maybe)
            for child in children(node)
            if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case)
        ]
    return found


def _reached(files: Mapping[str, _Imports], starts: Iterable[str]) -> set[str]:
    """The modules from outside that files import, themselves or through each other."""
    pending, seen, found = [path for path in starts if path in files], set[str](), set[str]()
    while pending:
        path = pending.pop()
        if path not in seen:
            seen.add(path)
            found |= files[path].outside
            pending += [own for own in files[path].own if own in files]
    return found
