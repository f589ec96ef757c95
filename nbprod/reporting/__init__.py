"""Records made readable: terminal, JUnit XML, Markdown, self-contained HTML.

The pages import nothing but records; the terminal imports rich inside its functions.
"""

from nbprod.reporting.demo import DemoData, demo_page
from nbprod.reporting.gate_page import gate_page
from nbprod.reporting.html import health_page
from nbprod.reporting.junit import junit
from nbprod.reporting.limitations import limitations, merged
from nbprod.reporting.markdown import markdown
from nbprod.reporting.record_page import page_of, parity_page
from nbprod.reporting.review_page import approval_page
from nbprod.reporting.runs import run_page
from nbprod.reporting.shadow_page import shadow_page
from nbprod.reporting.terminal import show

__all__ = [
    "DemoData",
    "approval_page",
    "demo_page",
    "gate_page",
    "health_page",
    "junit",
    "limitations",
    "markdown",
    "merged",
    "page_of",
    "parity_page",
    "run_page",
    "shadow_page",
    "show",
]
