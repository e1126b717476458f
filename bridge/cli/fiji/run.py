"""``starbridge fiji run``: a macro without opening Fiji."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.output import note, print_json

_APP_HELP = (
    "Folder of a Fiji or ImageJ, a Maven endpoint, or 'embedded' for the ImageJ that starbridge "
    "brings. [default: FIJI_APP, else the Fiji that is found, else the embedded one]"
)


def run(
    macro: Annotated[Path, typer.Argument(help="ImageJ macro (.ijm).", show_default=False)],
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE...",
            help="Its script parameters (#@), or what getArgument() gives.",
            show_default=False,
        ),
    ] = None,
    fiji: Annotated[str | None, typer.Option("--app", help=_APP_HELP)] = None,
    window: Annotated[
        bool, typer.Option("--window", help="With ImageJ's window and ROI Manager.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds that the macro may take. [default: no limit]")
    ] = None,
    heap: Annotated[
        str | None, typer.Option(help="Most memory for Java, such as 8g. [default: half of it]")
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print value, table, images and ROIs as JSON."),
    ] = False,
) -> None:
    """Run a macro without opening Fiji; what it prints appears as it comes.

    A macro by the name of one that comes with starbridge needs no path.
    """
    from bridge.apps.fiji import Fiji
    from bridge.apps.fiji.arguments import read_values
    from bridge.apps.fiji.installing import macros_folder
    from bridge.apps.fiji.stardist_check import require_stardist

    file = macro
    if not macro.exists() and macro.parent == Path():
        brought = macros_folder() / macro.with_suffix(".ijm").name
        file = brought if brought.exists() else macro
    given = read_values(file, values or [])
    require_stardist(file, fiji)
    with Fiji(
        fiji,
        mode="gui" if window else "headless",
        heap=heap,
        on_print=note if as_json else typer.echo,
        on_download=_download,
    ) as session:
        note(str(session.about))
        result = session.run_macro(file, given, timeout=timeout)
    if as_json:
        print_json(
            {
                "value": result.value,
                "table": None if result.table is None else _records(result.table),
                "images": [image.title for image in result.images],
                "rois": len(result.rois),
            }
        )
    elif result.value:
        typer.echo(result.value)


def _records(table: Any) -> Any:
    return json.loads(table.to_json(orient="records"))


def _download(name: str, done: int, total: int) -> None:
    if done >= total:
        note(f"downloaded {name}")
