"""What kind of answer a notebook's model gives, told by what the notebook trains and measures."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.notebook.graph import understand

if TYPE_CHECKING:
    from nbprod.notebook.document import Document

# Classes that answer with a number and do not say Regressor; two that say Regress and do not.
_REGRESSORS = frozenset(
    {"Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "BayesianRidge"}
    | {"Lars", "LassoLars", "SVR", "LinearSVR", "NuSVR", "OLS", "MSELoss", "L1Loss", "HuberLoss"}
)
_CLASSIFIERS = frozenset(
    {"LogisticRegression", "LogisticRegressionCV", "SVC", "LinearSVC", "NuSVC", "GaussianNB"}
    | {"MultinomialNB", "BernoulliNB", "CrossEntropyLoss", "BCELoss", "BCEWithLogitsLoss"}
)
_ERRORS_OF_NUMBERS = frozenset(
    {"r2_score", "mean_squared_error", "root_mean_squared_error", "mean_absolute_error"}
    | {"mean_absolute_percentage_error", "median_absolute_error", "mean_squared_log_error"}
)


def propose_task(document: Document) -> str:
    """``regression`` or ``classification``; "" where the notebook's calls tell neither, or both.

    What is called counts, not what is imported: the model's class first, then the measures.
    """
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for code in understand(document)
        for node in ast.walk(code.tree or ast.Module([], []))
        if isinstance(node, ast.Call)
    }
    classifies = any(name.endswith("Classifier") for name in called) or called & _CLASSIFIERS
    regresses = called & _REGRESSORS or any(
        name.endswith(("Regressor", "Regression")) and name not in _CLASSIFIERS for name in called
    )
    if not classifies and not regresses:
        return "regression" if called & _ERRORS_OF_NUMBERS else ""
    if classifies and regresses:
        return ""
    return "regression" if regresses else "classification"
