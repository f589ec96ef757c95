"""Notebooks: reading, roles, the names in each cell, the flow between cells, execution."""

from nbprod.notebook.document import Cell, Document, read_notebook
from nbprod.notebook.edits import set_role, set_roles
from nbprod.notebook.execution import execute_notebook
from nbprod.notebook.tags import ROLES, role_of

__all__ = [
    "ROLES",
    "Cell",
    "Document",
    "execute_notebook",
    "read_notebook",
    "role_of",
    "set_role",
    "set_roles",
]
