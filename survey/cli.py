"""The command `survey`: finds its commands, gives them the clock, makes errors one line and an exit code.

Exit 0 done, 1 failed, 2 wrong usage or settings, 3 findings at error level. Commands come from
survey/commands/ (see there) and from packages that name one under the entry-point group `survey.commands`; by
that door the CLI reaches `scheduler` without importing it. A trace shows only with --debug, since foreign
errors may quote data.
"""

import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Any

import typer

from survey import commands
from survey.errors import DONE, FAILED, FINDINGS, told

GROUP = "survey.commands"


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str], *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int:
    """The exit code of `survey ARGUMENTS`, run at the time that `clock` tells."""
    debug = "--debug" in arguments
    command = typer.main.get_command(root(clock))
    try:
        result = command.main(args=list(arguments), prog_name="survey", standalone_mode=False)
    except KeyboardInterrupt:
        return _leave("interrupted", FAILED)
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _explain(error)
    return result if isinstance(result, int) else DONE


def root(clock: Callable[[], datetime]) -> typer.Typer:
    """The root command with everything that was found below it."""
    app = typer.Typer(
        name="survey",
        help="Run a panel survey of returned migrants: forms, fieldwork, data, releases, reports.",
        epilog="Example: survey init my-study; cd my-study; survey publish --dry-run",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @app.callback()
    def options(
        context: typer.Context,
        settings: Annotated[
            Path | None,
            typer.Option(
                envvar="SURVEY_SETTINGS", help="The survey.toml, or its folder; by default the one here."
            ),
        ] = None,
        verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log on stderr.")] = False,
        debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")] = False,
    ) -> None:
        context.obj = commands.Root(settings, clock, verbose)

    for name, found in sorted(_found()):
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _found() -> Iterator[tuple[str, Any]]:
    """Every command's name and its group or function; one that cannot be loaded is said and left out."""
    for file in iter_modules(commands.__path__):
        module = import_module(f"{commands.__name__}.{file.name}")
        if hasattr(module, file.name):
            yield file.name.replace("_", "-"), getattr(module, file.name)
    for point in entry_points(group=GROUP):
        try:
            yield point.name, point.load()
        except (ImportError, AttributeError) as error:
            commands.say(f"the command {point.name!r} is not available: {error}")


def _explain(error: Exception) -> int:
    """Say an error on stderr in one line and return the exit code it stands for."""
    if callable(show := getattr(error, "show", None)):  # Typer's own: wrong usage, with the usage shown
        show()
        return int(getattr(error, "exit_code", FAILED))
    if isinstance(error, typer.Abort):
        return _leave("stopped; nothing was done", FAILED)
    findings = getattr(error, "findings", ())
    if findings:
        from instruments.findings import to_text

        commands.say(to_text(findings))
    code = int(getattr(error, "exit_code", FINDINGS if findings else FAILED))
    if said := told(error):
        return _leave(said, code)
    if isinstance(error, OSError) and error.filename:
        why = f"{str(error.strerror).lower()} ({error.filename})"
        return _leave(f"{why}: check the path and its rights, or name another", FAILED)
    return _leave(f"unexpected {type(error).__name__}: run again with --debug to see where", code)


def _leave(message: str, code: int) -> int:
    commands.say(f"survey: {message}")
    return code
