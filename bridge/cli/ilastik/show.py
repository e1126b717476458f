"""``starbridge ilastik show``: what a project holds, and what it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.output import note, print_json
from bridge.errors import BadInputError

if TYPE_CHECKING:
    from bridge.formats.ilastik.project import IlastikProject

PROJECT_HELP = "Project of ilastik, NAME.ilp."


def show(
    project: Annotated[Path, typer.Argument(help=PROJECT_HELP, show_default=False)],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--relink",
            help="Look for missing images below this folder, and write where they are into the "
            "project.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a project holds: images, axes, features, labels, forest, and what is missing.

    Exit status 1 where files of images are missing, or where the project holds something that
    could run a program when ilastik opens it.
    """
    from bridge.formats.ilastik.pickles import refuse_unknown_pickles
    from bridge.formats.ilastik.project import read_project
    from bridge.formats.ilastik.relinking import relink

    if folder is not None:
        found, lost = relink(project, folder)
        note(f"{len(found)} found, {len(lost)} not found")
        for path in lost:
            note(f"{path}: not found")
    read = read_project(project)
    danger = ""
    try:
        refuse_unknown_pickles(project)
    except BadInputError as error:
        danger = f"{error.problem}; {error.remedy}"
    if as_json:
        print_json(_as_json(read, danger))
    else:
        for line in _lines(read):
            typer.echo(line)
    if danger and not as_json:
        note(f"{project}: {danger}")
    if danger or any(not image.exists for lane in read.lanes for image in lane.images):
        raise typer.Exit(1)


def _as_json(project: IlastikProject, danger: str) -> dict[str, Any]:
    features = project.features
    return {
        "project": str(project.path),
        "version": project.version,
        "workflow": project.workflow,
        "saved": project.saved,
        "lanes": [
            {
                "images": [
                    {
                        "role": image.role,
                        "name": image.nickname,
                        "path": image.stored,
                        "axes": image.axes,
                        "shape": list(image.shape),
                        "exists": image.exists,
                    }
                    for image in lane.images
                ],
                "labels": {
                    name: project.label_counts[number].get(index, 0)
                    for index, name in enumerate(project.classes, 1)
                },
            }
            for number, lane in enumerate(project.lanes)
        ],
        "classes": [
            {"name": name, "color": "#" + bytes(color).hex()}
            for name, color in zip(project.classes, project.colors, strict=True)
        ],
        "features": None
        if features is None
        else [
            {"filter": name, "scale": scale, "in_2d": in_2d}
            for name, scale, in_2d in features.filters()
        ],
        "object_features": list(project.object_features),
        "has_forest": project.has_forest,
        "feature_names": list(project.feature_names),
        "missing": list(project.missing()),
        "danger": danger or None,
    }


def _lines(project: IlastikProject) -> list[str]:
    of = "objects" if project.is_of_objects else "pixels"
    lines = [
        f"{project.workflow}, ilastik {project.version or '(version unknown)'}, {project.saved}"
    ]
    for number, lane in enumerate(project.lanes):
        for image in lane.images:
            size = " × ".join(map(str, image.shape)) or "size unknown"
            there = "" if image.exists else "  NOT THERE"
            lines.append(f"image {number}, {image.role}: {image.stored}{there}")
            lines.append(f"  {image.axes or 'axes unknown'}, {size}, called {image.nickname!r}")
        counts = project.label_counts[number]
        labels = [
            f"{name} {counts.get(index, 0):,}" for index, name in enumerate(project.classes, 1)
        ]
        lines.append(f"  labelled {of}: {', '.join(labels) or 'none'}")
    if project.features is not None:
        lines.append(f"features: {sum(1 for _ in project.features.filters())} chosen")
        for name in dict.fromkeys(name for name, _, _ in project.features.filters()):
            scales = [
                f"{scale:g}{' (2D)' if in_2d else ''}"
                for each, scale, in_2d in project.features.filters()
                if each == name
            ]
            lines.append(f"  {name}: {', '.join(scales)}")
    if project.object_features:
        lines.append(f"features of objects: {', '.join(project.object_features)}")
    columns = f", trained on {len(project.feature_names)} columns" if project.feature_names else ""
    lines.append(f"trained classifier: {'yes' if project.has_forest else 'no'}{columns}")
    lines += [f"missing: {line}" for line in project.missing()]
    return lines
