"""Parameters added to functions, arguments to calls, in libcst trees; the rest stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def with_keywords(call: cst.Call, extra: Mapping[str, str]) -> cst.Call:
    """The call with keyword arguments added, its own formatting kept."""
    arguments = list(call.args)
    own = {item.keyword.value for item in arguments if item.keyword is not None}
    added = [
        cst.Arg(
            keyword=cst.Name(key),
            value=cst.parse_expression(value),
            equal=cst.AssignEqual(
                whitespace_before=cst.SimpleWhitespace(""),
                whitespace_after=cst.SimpleWhitespace(""),
            ),
        )
        for key, value in extra.items()
        if key not in own
    ]
    if arguments and added and isinstance(arguments[-1].comma, cst.MaybeSentinel):
        last = arguments[-1]
        arguments[-1] = last.with_changes(
            comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")),
            whitespace_after_arg=cst.SimpleWhitespace(""),
        )
        if added:
            added[-1] = added[-1].with_changes(whitespace_after_arg=last.whitespace_after_arg)
    elif arguments and added and isinstance(arguments[-1].comma, cst.Comma):
        comma = arguments[-1].comma
        arguments[-1] = arguments[-1].with_changes(
            comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        )
        added[-1] = added[-1].with_changes(comma=comma)
    return call.with_changes(args=[*arguments, *added])


def with_parameters(
    function: cst.FunctionDef, names: list[str], defaults: Mapping[str, str] | None = None
) -> cst.FunctionDef:
    """The function with keyword-only parameters added."""
    old, added = function.params, _parameters(names, defaults or {})
    star = old.star_arg
    if isinstance(star, cst.MaybeSentinel):
        star = cst.ParamStar()
    changed = old.with_changes(
        star_arg=star, kwonly_params=[*_with_commas(old.kwonly_params), *added]
    )
    return function.with_changes(params=_clean_commas(changed))


def with_positional(
    function: cst.FunctionDef, names: list[str], defaults: Mapping[str, str] | None = None
) -> cst.FunctionDef:
    """The function with positional parameters added at the end of its own."""
    old, added = function.params, _parameters(names, defaults or {})
    changed = old.with_changes(params=[*_with_commas(old.params), *added])
    return function.with_changes(params=_clean_commas(changed))


def with_default(function: cst.FunctionDef, name: str, default: str) -> cst.FunctionDef:
    """The function with a default for one of its parameters."""
    parameters = [
        item.with_changes(
            default=cst.parse_expression(default),
            equal=cst.AssignEqual(
                whitespace_before=cst.SimpleWhitespace(""),
                whitespace_after=cst.SimpleWhitespace(""),
            ),
        )
        if item.name.value == name
        else item
        for item in function.params.params
    ]
    return function.with_changes(params=function.params.with_changes(params=parameters))


def _parameters(names: Iterable[str], defaults: Mapping[str, str]) -> list[cst.Param]:
    return [_parameter(name, defaults.get(name)) for name in names]


def _parameter(name: str, default: str | None) -> cst.Param:
    if default is None:
        return cst.Param(cst.Name(name))
    tight = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return cst.Param(cst.Name(name), default=cst.parse_expression(default), equal=tight)


def _with_commas(parameters: Iterable[cst.Param]) -> list[cst.Param]:
    return [item.with_changes(comma=cst.MaybeSentinel.DEFAULT) for item in parameters]


def _clean_commas(parameters: cst.Parameters) -> cst.Parameters:
    """No trailing commas left over in the middle of a parameter list."""
    return parameters.with_changes(
        params=_with_commas(parameters.params), kwonly_params=_with_commas(parameters.kwonly_params)
    )
