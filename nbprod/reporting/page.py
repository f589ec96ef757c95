"""The shell of every HTML report: one self-contained page, light and dark, no script.

Nothing here asks the network for anything: the page's own policy forbids it. Every helper
escapes the text it is given and answers markup; `Markup` marks what must not be escaped again.
"""

from __future__ import annotations

import html
import math
import re
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nbprod.reporting.causes import cause_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbprod.records import Finding

# What neither HTML nor XML has a place for.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def esc(value: Any) -> Markup:
    """A value as escaped text; Markup stays as it is."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(_CONTROLS.sub("\ufffd", str(value))))


def join(parts: Iterable[Any], by: str = "") -> Markup:
    """Parts one after the other, each escaped where it is not markup."""
    return Markup(esc(by).join(esc(part) for part in parts))


def tag(name: str, *content: Any, **attributes: Any) -> Markup:
    """One element; ``class_`` is the class, an underscore in a name is a hyphen."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{esc(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{shown}>{join(content)}</{name}>")


def number(value: Any, digits: int = 4) -> str:
    """A number for people: significant digits, thousands separated, a dash for none."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if not math.isfinite(value):
        return str(value)
    if abs(value) == sys.float_info.max:  # how a record says: further than can be measured
        return "∞" if value > 0 else "-∞"
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def seconds(value: float) -> str:
    """A duration for people: 340 ms, 4.2 s, 3 min 10 s."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 90:
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def moment(text: str) -> str:
    """An ISO time for people; the text itself when it is none."""
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return text


def short(digest: str) -> str:
    """The beginning of a digest or id, enough to tell it from others."""
    return digest[:12]


_GOOD = {"passed", "ok", "done", "running", "champion", "ready", "yes"}
_BAD = {"failed", "error", "refused", "missing", "wrong", "killed", "void", "no", "drift"}


def badge(verdict: str, text: str = "") -> Markup:
    """A verdict as a coloured word, with a sign for those who do not see the colour."""
    kind = "good" if verdict in _GOOD else "bad" if verdict in _BAD else "warn"
    if verdict == "info":
        kind = "plain"
    sign = {"good": "✓ ", "bad": "✗ ", "warn": "", "plain": ""}[kind]
    return tag("span", sign + (text or verdict), class_=f"badge {kind}")


def table(
    headers: Sequence[str], rows: Iterable[Sequence[Any]], *, numeric: Iterable[int] = ()
) -> Markup:
    """A table; numeric columns are set right, in figures of one width."""
    right = set(numeric)

    def cells(name: str, row: Sequence[Any]) -> Markup:
        return join(
            tag(name, cell, class_="num" if place in right else None)
            for place, cell in enumerate(row)
        )

    body = join(tag("tr", cells("td", row)) for row in rows)
    head = tag("thead", tag("tr", cells("th", headers)))
    return tag("div", tag("table", head, tag("tbody", body)), class_="scroll")


def section(title: str, *content: Any, intro: str = "", badge_: Any = "") -> Markup:
    """A part of a page under its own heading."""
    lead = tag("p", intro, class_="intro") if intro else ""
    return tag("section", tag("h2", title, " ", badge_), lead, *content)


def tiles(items: Iterable[tuple[str, Any, str]]) -> Markup:
    """Large figures side by side: (label, value, note)."""
    return tag(
        "div",
        *(
            tag(
                "div",
                tag("div", label, class_="label"),
                tag("div", value, class_="value"),
                tag("div", note, class_="note") if note else "",
                class_="tile",
            )
            for label, value, note in items
        ),
        class_="tiles",
    )


def facts(items: Iterable[tuple[str, Any]]) -> Markup:
    """A list of names with values; empty values are left out."""
    return tag(
        "dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in items if value)
    )


def findings_list(findings: Sequence[Finding], *, most: int = 60) -> Markup:
    """Findings with code, message, place and next step; what is too many is counted."""
    shown = []
    for item in findings[:most]:
        place = " · ".join(
            part
            for part in (
                item.notebook or "",
                f"cell {item.cell_id}" if item.cell_id else "",
                f"line {item.line}" if item.line else "",
                f"column {item.column}" if item.column else "",
            )
            if part
        )
        shown.append(
            tag(
                "li",
                tag("code", item.code, class_=f"code {item.severity}"),
                tag(
                    "div",
                    tag("p", item.message),
                    tag("p", place, class_="place") if place else "",
                    *(tag("p", f"{name} ", tag("code", told)) for name, told in cause_lines(item)),
                    tag("p", "→ ", item.hint, class_="hint") if item.hint else "",
                ),
            )
        )
    rest = len(findings) - most
    more = tag("p", f"… and {rest} more", class_="note") if rest > 0 else ""
    return join([tag("ul", *shown, class_="findings"), more]) if findings else Markup("")


def page(title: str, *body: Any, kicker: str = "", subtitle: Any = "", aside: Any = "") -> str:
    """A whole document."""
    head = tag(
        "header",
        tag("p", kicker, class_="kicker") if kicker else "",
        tag("div", tag("h1", title), aside, class_="title"),
        tag("p", subtitle, class_="subtitle") if subtitle else "",
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
        '<meta name="color-scheme" content="light dark">'
        f"<title>{esc(title)}</title><style>{_CSS}</style></head>"
        f"<body><main>{head}{join(body)}"
        "<footer>Made by nbprod. This page holds everything it shows and asks for nothing.</footer>"
        "</main></body></html>\n"
    )


_CSS = """
:root{--bg:#fbfbfa;--card:#fff;--fg:#1c2126;--dim:#5d6873;--line:#e2e5e8;--faint:#f1f3f4;
--good:#157347;--good-bg:#e3f4ea;--bad:#b3261e;--bad-bg:#fce8e6;--warn:#8a5a00;--warn-bg:#fdf1d7;
--s1:#2563c9;--s2:#d9730d;--s3:#2f8f6b;--s4:#8250c4;--s5:#b8478a;--s6:#5d6873;--zone:#dff1e6;
--link:#2563c9}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1b1f23;--fg:#e6e9ec;--dim:#9aa5b0;
--line:#2e343a;--faint:#22272c;--good:#5fd39a;--good-bg:#163526;--bad:#ff8f85;--bad-bg:#452220;
--warn:#f0c060;--warn-bg:#3d3115;--s1:#6ea8ff;--s2:#ffa657;--s3:#56c99b;--s4:#b99aff;--s5:#f28ac2;
--s6:#9aa5b0;--zone:#1b3327;--link:#6ea8ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.55 "Inter","Segoe UI",system-ui,
-apple-system,"Helvetica Neue","DejaVu Sans",sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1080px;margin:0 auto;padding:40px 24px 64px}
header{margin-bottom:28px}
.kicker{margin:0 0 6px;color:var(--dim);font-size:12px;
letter-spacing:.08em;text-transform:uppercase}
.title{display:flex;gap:14px;align-items:center;flex-wrap:wrap}
h1{margin:0;font-size:31px;line-height:1.2;letter-spacing:-.018em;font-weight:680}
h2{margin:0 0 4px;font-size:19px;line-height:1.3;letter-spacing:-.008em;font-weight:640}
h3{margin:22px 0 6px;font-size:14px;font-weight:640}
.subtitle{margin:8px 0 0;color:var(--dim);font-size:16px;max-width:70ch}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:24px 26px;
margin:18px 0}
.intro{margin:0 0 16px;color:var(--dim);max-width:78ch}
p{margin:.4em 0}
code,.mono{font-family:"JetBrains Mono",ui-monospace,SFMono-Regular,Menlo,Consolas,
"DejaVu Sans Mono",monospace;font-size:.88em}
.badge{display:inline-block;padding:1px 9px;border-radius:99px;font-size:12.5px;font-weight:600;
white-space:nowrap;vertical-align:2px;line-height:1.6}
.good{color:var(--good);background:var(--good-bg)}.bad{color:var(--bad);background:var(--bad-bg)}
.warn{color:var(--warn);background:var(--warn-bg)}.plain{color:var(--dim);background:var(--faint)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th{text-align:left;font-weight:600;color:var(--dim);font-size:12px;padding:6px 14px 6px 0;
border-bottom:1px solid var(--line);white-space:nowrap}
td{padding:7px 14px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:18px 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px}
section .tile{background:var(--faint);border:0}
.tile .label{color:var(--dim);font-size:12.5px}
.tile .value{font-size:25px;font-weight:660;letter-spacing:-.02em;font-variant-numeric:tabular-nums;
line-height:1.35}
.note{color:var(--dim);font-size:12.5px}
h2+dl,.intro+dl{margin-top:12px}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(230px,1fr));gap:10px 24px;margin:0}
dt{color:var(--dim);font-size:12px}dd{margin:0;overflow-wrap:anywhere;font-size:14px}
.findings{list-style:none;margin:12px 0 0;padding:0}
.findings li{display:flex;gap:12px;padding:10px 0;border-top:1px solid var(--line)}
.findings p{margin:0}.findings .place,.findings .hint{color:var(--dim);font-size:13px}
.code{align-self:flex-start;padding:1px 7px;border-radius:6px;font-weight:600}
.code.error{color:var(--bad);background:var(--bad-bg)}
.code.warning{color:var(--warn);background:var(--warn-bg)}
.code.info{color:var(--dim);background:var(--faint)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 6px;font-size:12.5px;color:var(--dim)}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px;
vertical-align:-1px}
svg{display:block;width:100%;height:auto;min-width:600px;overflow:visible}
svg text{fill:var(--dim);font-size:11.5px;font-family:inherit}
svg .mono{font-size:11px}
svg .strong{fill:var(--fg)}
svg .mid{text-anchor:middle}svg .end{text-anchor:end}
svg .grid{stroke:var(--line);stroke-width:1}
svg .axis{stroke:var(--dim);stroke-width:1}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(400px,1fr));gap:10px 34px}
.two svg{min-width:320px}
.chain{list-style:none;margin:0;padding:0;counter-reset:step}
.chain li{position:relative;padding:0 0 18px 34px}
.chain li::before{content:"";position:absolute;left:7px;top:6px;width:11px;height:11px;
border-radius:50%;background:var(--s1)}
.chain li::after{content:"";position:absolute;left:12px;top:22px;bottom:-4px;width:1px;
background:var(--line)}
.chain li:last-child::after{display:none}.chain li:last-child{padding-bottom:0}
.chain b{display:block;font-weight:640}
.notebook{border-top:1px solid var(--line);padding:4px 0 14px}.notebook h3{font-size:15px}
.notebook:first-of-type{border-top:0}.pictures{margin-top:12px;display:flex;flex-wrap:wrap;gap:14px;align-items:flex-start}
figure{margin:0;background:#fff;border:1px solid var(--line);border-radius:8px;padding:10px 12px}
figure img{display:block;max-width:100%;height:auto}
figcaption{color:#5d6873;font-size:12.5px;margin-top:6px}
details{margin-top:12px}summary{cursor:pointer;color:var(--dim);font-size:13px}
pre{background:var(--faint);border-radius:8px;padding:12px 14px;overflow-x:auto;font-size:12.5px}
footer{margin-top:28px;color:var(--dim);font-size:12.5px}
@media print{body{background:#fff}section,.tile{break-inside:avoid}}
@media (max-width:640px){main{padding:24px 14px}section{padding:18px 16px}h1{font-size:25px}}
"""
