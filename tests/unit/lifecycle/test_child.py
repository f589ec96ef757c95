"""What a job raised reaches the parent as an error that says whose code it was, and what to do."""

from __future__ import annotations

from nbprod.errors import ExecutionError
from nbprod.lifecycle.child import _unexpected


def _raised(message: str) -> Exception:
    """An error of a library that a line added by extraction called."""
    library = {}
    text = f"def frame():\n    raise ValueError({message!r})\n"
    exec(compile(text, "/opt/site-packages/pandas/frame.py", "exec"), library)
    try:
        exec(compile("\n\nframe()", "/home/me/iris/inference.py", "exec"), library)
    except ValueError as error:
        return error
    raise AssertionError("it raises")


def test_an_error_inside_a_library_is_placed_in_the_users_code() -> None:
    """The module's own line, not one of pandas; a number without its file is no place."""
    found = _unexpected(_raised("no such thing"))
    assert isinstance(found, ExecutionError)
    assert "in /home/me/iris/inference.py, line 3" in found.message
    assert found.line is None
    assert "fix the cell" in found.hint


def test_a_prediction_of_several_columns_says_how_to_give_one() -> None:
    """`predict_proba` of several classes is what a first notebook ends with."""
    found = _unexpected(_raised("Data must be 1-dimensional, got ndarray of shape (112, 3)"))
    assert "model.predict(…)" in found.hint
