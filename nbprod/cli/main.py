"""The command group: which command lives in which file, loaded when it is asked for."""

from __future__ import annotations

import importlib
import os
import sys

import click

# name -> (file in nbprod.cli, one line of help). The line stands here so that `--help`
# imports no command; a test holds it against the command's own docstring.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Scaffold a project that runs at once."),
    "tag": ("tag", "Set the role of a cell without JupyterLab."),
    "doctor": ("doctor", "Show what is installed, reachable and missing, each with the fix."),
    "inspect": ("inspect", "Show cells, roles, data flow between cells, and findings."),
    "extract": ("extract", "Write the tagged notebook as an importable module."),
    "sync": ("sync", "Bring hand edits of the module back into the notebook's cells."),
    "parity": ("parity", "Prove that training and serving compute the same features."),
    "contract": ("contract", "Infer, check or show the data contract."),
    "train": ("train", "Train with the module, log the run, name the candidate."),
    "serve": ("serve", "Serve an unreleased candidate on loopback in this process."),
    "gate": ("gate", "Run the validation notebooks and judge the candidate."),
    "approve": ("approve", "Approve a candidate that its gate has passed."),
    "reject": ("reject", "Reject a candidate, with the reason."),
    "release": ("release", "Freeze a candidate with its evidence."),
    "verify": ("verify", "Check every hash of a release; of the newest by default."),
    "reproduce": ("reproduce", "Train a release again from its lock and snapshot, and compare."),
    "deploy": ("deploy", "Serve a release on Ray Serve, or put it on trial beside the champion."),
    "shadow": ("shadow", "Compare a shadow's answers with the live ones, row by row."),
    "advance": ("advance", "Look at the canary once and take the step the policy asks for."),
    "pause": ("pause", "Let the rollout take no step forward; its guards stay armed."),
    "promote": ("promote", "Make the canary the champion; the champion stays warm."),
    "abort": ("abort", "End the canary at once; where there is none, the shadows."),
    "rollback": ("rollback", "Send all traffic back to the previous release, at once."),
    "status": (
        "status",
        "Show the deployment, its roles, its traffic and what the rollout waits for.",
    ),
    "undeploy": ("undeploy", "End the deployment and the local Ray that it started."),
    "predictions": ("predictions", "Search the prediction log."),
    "outcome": ("outcome", "Attach ground truth to predictions."),
    "why": ("why", "Reconstruct one prediction completely."),
    "monitor": ("monitor", "Judge service, drift and quality over a window."),
    "ack": ("ack", "Say that somebody has seen an alert."),
    "config": ("config", "Show every value of the settings with its origin."),
    "demo": ("demo", "Walk the whole road on real flights, on this machine."),
}


class LazyGroup(click.Group):
    """A group that imports a command's file only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the road."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"nbprod.cli.{COMMANDS[cmd_name][0]}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing one of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with "did you mean" for an unknown name."""
        import difflib

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="nbprod")
def nbprod() -> None:
    """From a tagged notebook to a gated, served and watched model."""


def run() -> None:
    """Run the command line with the documented exit codes."""
    _end_with_server()
    # A closed pipe (`nbprod … | head`) is not an error of ours.
    try:
        nbprod(prog_name="nbprod")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _end_with_server() -> None:
    """Interrupt this command when the Jupyter server that runs it as a job is gone, however.

    Nothing that outlives the command inherits the wish: a deployment stays.
    """
    server = os.environ.pop("NBPROD_ENDS_WITH", "")
    if not server or sys.platform != "linux":
        return
    import ctypes
    import signal

    pr_set_pdeathsig = 1  # linux/prctl.h
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGINT)
    if str(os.getppid()) != server:  # it was gone before this was asked for
        sys.exit(130)
