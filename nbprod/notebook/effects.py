"""What a call whose result nobody keeps is for: to be looked at, or to change something.

The tables name methods by their usual meaning in pandas, NumPy, scikit-learn and torch. Where
they do not know a call they say it has an effect, so that it is kept rather than lost.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.notebook.syntax import children, nodes_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_IN_PLACE = """
append extend insert remove pop popitem clear sort reverse update setdefault discard
appendleft popleft fit partial_fit fit_transform fit_predict fit_resample set_params
load_state_dict step zero_grad backward eval setflags itemset
"""
# Methods that change the object they are called on; in torch also all that end in "_".
IN_PLACE_METHODS: frozenset[str] = frozenset(_IN_PLACE.split())

_TO_LOOK_AT = """
head tail describe info sample value_counts nunique unique plot hist boxplot scatter bar barh pie
corr cov isna isnull notna notnull sum mean median std var min max count quantile mode any all
groupby agg aggregate pivot pivot_table crosstab memory_usage to_string to_markdown round T style
sort_values sort_index nlargest nsmallest query filter loc iloc dtypes shape columns index
summary get_params score predict predict_proba decision_function transform get_feature_names_out
show display debug warning critical exception print keys values items tolist to_list to_frame
select_dtypes idxmax idxmin rename_axis equals background_gradient format hide set_caption
from_predictions from_estimator
"""
_TO_LOOK_AT_METHODS = frozenset(_TO_LOOK_AT.split())
_LOOKING_FUNCTIONS = """
print display help len type repr str dir id sorted min max sum any all list set dict tuple
isinstance callable vars abs round range enumerate zip
"""
_TO_LOOK_AT_FUNCTIONS = frozenset(_LOOKING_FUNCTIONS.split())
_SHOWING_MODULES = """
matplotlib seaborn plotly altair bokeh IPython ipywidgets tqdm rich pprint plotnine missingno
holoviews hvplot panel graphviz logging warnings
"""
DISPLAY_MODULES = frozenset(_SHOWING_MODULES.split())
# Settings of how things are shown; they change no value.
_DISPLAY_SETTINGS = frozenset({"set_option", "reset_option", "set_printoptions", "set_loglevel"})
# Calls that change the world, but nothing that they are handed.
SEEDS = frozenset(
    {"seed", "manual_seed", "manual_seed_all", "set_random_seed", "set_seed", "seed_everything"}
)
# sklearn.metrics.f1_score, mean_squared_error, confusion_matrix
_MEASURES = (
    "_score",
    "_error",
    "_loss",
    "_matrix",
    "_report",
    "_curve",
    "_coefficient",
    "_pinball",
)
_SETTINGS_OF_PANDAS = frozenset({"set_option", "reset_option", "eval", "set_eng_float_format"})
_NUMPY_MEASURES = frozenset(
    [
        "mean",
        "median",
        "std",
        "var",
        "sum",
        "min",
        "max",
        "sqrt",
        "unique",
        "corrcoef",
        "percentile",
        "quantile",
        "bincount",
        "shape",
    ]
)
DISPLAY_NAMES = frozenset({"fig", "ax", "axes", "axs", "logger", "log"})


_CHAINED = (ast.Attribute, ast.Subscript, ast.Call, ast.Starred, ast.Await)


def root_name(node: ast.expr) -> str | None:
    """The name that a chain of attributes, subscripts and calls starts from, if it is one."""
    while isinstance(node, _CHAINED):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def is_in_place(call: ast.Call) -> bool:
    """Whether a method call is known to change the object it is called on."""
    if not isinstance(call.func, ast.Attribute):
        return False
    method = call.func.attr
    return (
        method in IN_PLACE_METHODS
        or (method.endswith("_") and not method.startswith("_"))
        or _asks_in_place(call)
    )


def is_to_look_at(
    node: ast.expr, *, modules: Mapping[str, str], shown: Collection[str] = DISPLAY_NAMES
) -> bool:
    """Whether an expression, standing as a statement, changes nothing that is kept.

    ``modules`` tells the top-level package behind an imported name; ``shown`` are names of plots,
    and of functions that only show something, as ``name()``.
    """
    if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
        return False
    if not isinstance(node, ast.Call):
        return all(
            is_to_look_at(child, modules=modules, shown=shown)
            for child in children(node)
            if isinstance(child, ast.expr)
        )
    if any(is_in_place(inner) for inner in nodes_of(node) if isinstance(inner, ast.Call)):
        return _is_of_plot(node, modules, shown) and not _asks_in_place(node)
    if isinstance(node.func, ast.Name):
        known = node.func.id in _TO_LOOK_AT_FUNCTIONS or f"{node.func.id}()" in shown
        top = modules.get(node.func.id, "")
        return known or top in DISPLAY_MODULES or _only_measures(node.func.id, top)
    if isinstance(node.func, ast.Attribute):
        method = node.func.attr
        if method in _TO_LOOK_AT_METHODS or method in _DISPLAY_SETTINGS:
            return True
        if _only_measures(method, modules.get(root_name(node.func) or "", "")):
            return True
        # frame.plot.scatter(...), frame.style.format(...)
        if isinstance(node.func.value, ast.Attribute) and node.func.value.attr in ("plot", "style"):
            return True
    return _is_of_plot(node, modules, shown)


def _only_measures(function: str, package: str) -> bool:
    """Whether a function of a package computes something of what it is given, and nothing else."""
    if package == "pandas":
        return function not in _SETTINGS_OF_PANDAS
    if package == "numpy":
        return function in _NUMPY_MEASURES
    return package in ("sklearn", "torchmetrics") and function.endswith(_MEASURES)


def _is_of_plot(
    node: ast.expr, modules: Mapping[str, str], shown: Collection[str] = DISPLAY_NAMES
) -> bool:
    root = root_name(node)
    if root is None:
        return False
    return root in shown or modules.get(root, "") in DISPLAY_MODULES


def _asks_in_place(call: ast.Call) -> bool:
    return any(
        keyword.arg == "inplace"
        and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
        for keyword in call.keywords
    )
