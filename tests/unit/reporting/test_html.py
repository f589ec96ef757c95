"""Pages that hold everything they show, whatever the records say."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from nbprod.reporting.demo import demo_page
from nbprod.reporting.gate_page import gate_page
from nbprod.reporting.html import health_page
from nbprod.reporting.review_page import approval_page

VOID = {"meta"}


class Page(HTMLParser):
    """Tags in balance, and every attribute that could load something."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, name, attributes) -> None:
        self.tags.add(name)
        self.links += [v or "" for k, v in attributes if k in ("src", "href", "xlink:href", "data")]
        assert not [k for k, _ in attributes if k.startswith("on")]
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes) -> None:
        self.handle_starttag(name, attributes)
        if name not in VOID:
            self.open.pop()

    def handle_endtag(self, name) -> None:
        assert self.open
        assert self.open.pop() == name

    def handle_data(self, data) -> None:
        self.text += data


@pytest.fixture
def pages(samples) -> dict[str, str]:
    demo = {
        "title": "the road",
        "model": "tiny",
        "owner": "me@example.com",
        "decision": "decide",
        "generated_at": "2026-01-01T00:00:00+00:00",
        "tiles": [("requests", "10", "")],
        "stages": [
            {"name": "gate", "command": "nbprod gate", "duration_s": 2.0, "verdict": "passed"},
            {"name": "rollback", "verdict": "rolled back"},
        ],
        "inspection": samples["inspection"],
        "parity": samples["parity"].to_json(),
        "gate": samples["gate"],
        "traffic": {
            "t": [0.0, 1.0, 2.0],
            "requests_per_s": {"release 1": [1, 2, 3], "release 2": [0, 1, 1]},
            "errors_per_s": [0, 1, 0],
            "p50_ms": [1.0, None, 3.0],
            "p99_ms": [2.0, None, 4.0],
            "marks": [{"t": 1.0, "label": "kill", "bad": True}, {"t": 1.1, "label": "promote"}],
            "requests": 8,
            "failed": 1,
            "promised_p99_ms": 50.0,
        },
        "health": samples["health"],
        "quality": [{"window": "July", "rows": 10, "metrics": {"auc": 0.8}}],
        "why": samples["explanation"],
        "notes": ["thin"],
    }
    name = samples["run"].candidate.name
    rows = [{"x": 1.25, "city": name}, {"x": None, "more": 3, "at": "2013-01-02T10:00:00+00:00"}]
    told = {"column": "city", "value": name, "rows": 30, "share": 0.5, "usual": 0.1}
    shown = {
        "surprising": [{**row, "predicted late": 0.9, "observed late": 0} for row in rows],
        "ordinary": rows,
        "where": [told],
        "answers": {"observed 0": {"[0, 1)": 1.0}, "observed 1": {"[0, 1)": 1.0}},
    }
    return {
        "demo": demo_page(demo),
        "gate": gate_page(samples["gate"], run=samples["run"]),
        "approval": approval_page(samples["run"], samples["gate"], shown),
        "approval without gate": approval_page(samples["run"], None, {}),
        "health": health_page(samples["health"]),
        "empty demo": demo_page({}),
    }


def test_pages_are_whole_and_ask_for_nothing(pages) -> None:
    """Tags balance; no script, no image, no link beyond the page's own folder, no font."""
    for name, text in pages.items():
        page = Page(text)
        assert page.open == [], name
        assert not page.tags & {"script", "img", "iframe", "link", "object", "embed", "base"}
        assert all(not re.match(r"(?i)[a-z]+:|//", link) for link in page.links), name
        assert "url(" not in text
        assert "@import" not in text
        assert "default-src 'none'" in text


def test_what_a_record_says_is_shown_as_text(pages, evil) -> None:
    """Hostile names appear as they are written, and nowhere as markup."""
    for name, text in pages.items():
        assert "<script" not in text
        assert "\x00" not in text
        if name != "empty demo":
            assert "<script src='https://evil.example" in Page(text).text


def test_what_is_to_be_judged_stands_on_the_left(pages) -> None:
    """Of wide rows a reviewer sees prediction and truth without scrolling; times are short."""
    rows = pages["approval"].split("Predictions to look at")[1]
    heads = re.findall(r"<th(?: [^>]*)?>([^<]*)", rows)
    assert heads[:4] == ["predicted late", "observed late", "x", "city"]
    shown = Page(pages["approval"]).text
    assert "2013-01-02 10:00" in shown
    assert "2013-01-02T" not in shown
    assert "There are none." in Page(pages["approval without gate"]).text


def test_drawings_are_well_formed(pages) -> None:
    """Every SVG parses as XML and holds no coordinate that is not a number."""
    drawn = [svg for text in pages.values() for svg in re.findall(r"<svg.*?</svg>", text, re.S)]
    assert len(drawn) > 8
    for svg in drawn:
        ElementTree.fromstring(svg)
        assert "nan" not in re.sub(r">[^<]*<", "><", svg).lower()


def test_both_schemes_are_served(pages) -> None:
    """A reader in the dark gets a dark page; plots take their colours from it."""
    text = pages["demo"]
    assert "prefers-color-scheme:dark" in text
    assert not re.search(r'(fill|stroke)="#', text)


def test_the_gate_page_says_what_happened(pages, make_gate, make_check) -> None:
    """Verdict, void checks and notebooks are on the page; a pass says why it counts."""
    shown = Page(pages["gate"]).text
    for words in ("failed", "inconclusive", "void", "NBG006", "notebooks/gates__a.ipynb"):
        assert words in shown
    passed = Page(gate_page(make_gate(make_check()))).text
    assert "every check was shown to be able to fail" in passed


def test_the_demo_page_leaves_out_what_it_was_not_given(pages) -> None:
    """Sections without data are absent, not empty."""
    shown = Page(pages["empty demo"]).text
    assert "Traffic" not in shown
    assert "Gate" not in shown
    full = Page(pages["demo"]).text
    for words in ("The road", "The notebook", "Parity", "Traffic", "Drift", "Quality", "Why this"):
        assert words in full


def test_long_lists_are_bounded(make_gate, make_check, samples) -> None:
    """A gate of a thousand slices gives a page of bounded length that says so."""
    many = [make_check(slice={"k": str(n)}) for n in range(1000)]
    text = gate_page(make_gate(*many))
    assert "and 960 more" in text
    assert text.count("<circle") <= 60
