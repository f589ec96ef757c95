"""Records made readable: terminal, JUnit XML, Markdown, self-contained HTML.

The pages import nothing but records; the terminal imports rich inside its functions. Each is
imported from its own file: a command that prints a line needs no page.
"""
