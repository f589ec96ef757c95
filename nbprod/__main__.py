"""``python -m nbprod`` and the ``nbprod`` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line; exit codes as in `nbprod.errors.STATUS`."""
    from nbprod.cli.main import run

    run()


if __name__ == "__main__":
    main()
