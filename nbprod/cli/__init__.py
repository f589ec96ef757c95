"""One file per command: parse, call the `Project` verb, print; ``--json`` prints the record."""
