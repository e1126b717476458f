"""``starbridge aggregate``: from tables of objects to a workbook of counts and proportions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.options import (
    Jobs,
    Overwrite,
    Resume,
    Scheduler,
    TableFormats,
    chosen_existing,
)
from bridge.cli.output import note, print_json, shown_progress
from bridge.errors import BadInputError

if TYPE_CHECKING:
    from bridge.aggregate import ClassRules, SectionCounts, Study

_MOST_LINES = 20


def aggregate(
    tables: Annotated[
        list[Path],
        typer.Argument(
            help="Tables of objects (ilastik, QuPath, Fiji, starbridge), or folders of them.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Workbook to write: NAME.xlsx.", show_default=False)
    ],
    pattern: Annotated[
        str | None,
        typer.Option(
            help="How the sections are called: fields in braces, or a regular expression with "
            "named groups. [default: {clone}_{diff}_{day}_{immuno}_{objective}_{imaging}_"
            "{organoid}_{slice}]",
            show_default=False,
        ),
    ] = None,
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="Further columns by a field: clone=genotypes.csv (or .xlsx); several times.",
        ),
    ] = None,
    sum_over: Annotated[
        list[str] | None,
        typer.Option(help="Field to sum over; several times. [default: slice]"),
    ] = None,
    min_slices: Annotated[
        int, typer.Option(min=1, help="How many slices a curated organoid has at least.")
    ] = 1,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Field that makes a condition; several times. [default: the mapped fields, or "
            "else clone; day and immuno where they differ]"
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(help="YAML file that renames, merges, orders and colours classes."),
    ] = None,
    dead: Annotated[
        list[str] | None,
        typer.Option(
            help="Class of dead cells; several times. [default: those that classes train was told; "
            "'' for none]"
        ),
    ] = None,
    unstained: Annotated[
        list[str] | None,
        typer.Option(
            help="Class of living cells without any marker; several times. [default: those that "
            "classes train was told; '' for none]"
        ),
    ] = None,
    class_column: Annotated[
        str | None,
        typer.Option(help="Column of the classes, where it has an unusual title."),
    ] = None,
    user_labels: Annotated[
        bool,
        typer.Option(
            "--user-labels", help="ilastik's User Label, where given, counts over the prediction."
        ),
    ] = False,
    annotations: Annotated[
        bool, typer.Option("--annotations", help="Count QuPath's annotations and tiles too.")
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option(help="Folder of the label images, to check that the tables belong to them."),
    ] = None,
    combined: Annotated[
        Path | None,
        typer.Option(
            help="Write the objects of all counted tables into this CSV file too "
            "(Raw_classification_….csv).",
            show_default=False,
        ),
    ] = None,
    formats: TableFormats = None,
    report: Annotated[bool, typer.Option(help="Write the report NAME.html too.")] = True,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "auto",
    scheduler: Scheduler = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print numbers, files and exclusions as JSON.")
    ] = False,
) -> None:
    """Count the classes of all sections: a workbook with slices, organoids and conditions.

    Beside NAME.xlsx come NAME.html and the plain tables in NAME_tables. NAME.counts.json remembers
    what was counted: running the same command again reads only new and changed tables. A workbook
    that was changed by hand is replaced only with --overwrite.
    """
    from bridge.aggregate import (
        ClassRules,
        NamePattern,
        Reading,
        find_tables,
        make_study,
        read_class_rules,
        read_counts,
        read_map,
        write_tables,
    )
    from bridge.aggregate.combined import write_classifications
    from bridge.aggregate.fields import StudyFields
    from bridge.aggregate.files import table_paths
    from bridge.aggregate.record import (
        WORKBOOK,
        describe_workbook,
        is_as_written,
        save_workbook,
        study_digest,
        written_workbook,
    )
    from bridge.aggregate.report import write_report
    from bridge.aggregate.workbook import write_workbook
    from bridge.batch.workers.select import choose_workers
    from bridge.formats.combined_tables import check_name
    from bridge.formats.naming import PUBLISHED_PATTERN, parse_map

    existing = chosen_existing(overwrite, resume)
    workers = choose_workers(jobs, scheduler, threads=True)
    if out.suffix.lower() != ".xlsx":
        raise BadInputError(out, "is no name of a workbook", "let it end in .xlsx")
    record = out.with_suffix(".counts.json")
    known = written_workbook(record)
    if out.exists() and not overwrite and not is_as_written(known, out):
        raise BadInputError(
            out,
            "is there already, and was not written by this command or changed since",
            "choose another --out, or --overwrite to replace it",
        )
    if combined is not None:
        check_name(combined)
    # What is wrong with the options is said before hours of reading.
    names = NamePattern.parse(PUBLISHED_PATTERN if pattern is None else pattern)
    looked_up = [read_map(*parse_map(text)) for text in maps or ()]
    StudyFields.of(names, looked_up, sum_over or (), by or ())
    rules = read_class_rules(classes) if classes is not None else ClassRules()
    rules = _with_kinds_of_cells(rules, tables, dead, unstained)
    reading = Reading(class_column, user_labels, annotations, labels, names.fields)
    lists = [Path(entry.source).resolve() for entry in looked_up]
    own = [*lists, *([combined.resolve()] if combined is not None else [])]
    files = [file for file in find_tables(tables) if file.resolve() not in own]
    with shown_progress() as listener:
        counts = read_counts(
            files,
            reading,
            record=record,
            head={WORKBOOK: known},
            existing=existing,
            listener=listener,
            workers=workers,
        )
    study = make_study(
        counts,
        pattern=names,
        maps=looked_up,
        sum_over=sum_over,
        min_slices=min_slices,
        classes=rules,
        by=by or (),
        parameters=_parameters(tables, classes, reading),
    )
    kinds = tuple(dict.fromkeys(formats or ("csv",)))
    folder, page = out.with_name(f"{out.stem}_tables"), out.with_suffix(".html")
    written = [
        out,
        *(path for kind in kinds for path in table_paths(folder, kind)),
        *([page] if report else []),
    ]
    digest = study_digest(study)
    is_same = isinstance(known, dict) and known.get("study") == digest
    if is_same and not overwrite and all(path.exists() for path in written):
        note(f"nothing to do: {out} is up to date")
    else:
        write_workbook(study, out)
        save_workbook(record, describe_workbook(out, digest))
        for kind in kinds:
            write_tables(study, folder, kind)
        if report:
            write_report(study, page)
    if combined is not None:
        write_classifications(combined, counts, reading, names, looked_up, overwrite=overwrite)
        written.append(combined)
    _close(study, counts, written, as_json)


def _with_kinds_of_cells(
    rules: ClassRules,
    tables: list[Path],
    dead: list[str] | None,
    unstained: list[str] | None,
) -> ClassRules:
    """Add dead and unstained cells: as the user says, or else as the classifier does."""
    from bridge.aggregate.carried import CarriedClasses, carried_classes

    is_told = (bool(dead is not None or rules.dead), bool(unstained is not None or rules.unstained))
    carried = CarriedClasses() if all(is_told) else carried_classes(tables)
    said = []
    for what, names, told in zip(
        ("dead", "unstained"), (carried.dead, carried.unstained), is_told, strict=True
    ):
        if names and not told:
            said.append(f"{what} cells are {', '.join(map(repr, names))}")
    if said:
        where = ", ".join(map(str, carried.folders))
        note(f"{' and '.join(said)}, as the classifier of {where} says")
    dead_names = [name for name in dead or () if name] if is_told[0] else carried.dead
    unstained_names = [n for n in unstained or () if n] if is_told[1] else carried.unstained
    return rules.with_dead(dead_names).with_unstained(unstained_names)


def _parameters(tables: list[Path], classes: Path | None, reading: object) -> dict[str, str]:
    """Return the parameters of a study that it does not know itself."""
    said = {
        "Read from": ", ".join(str(path) for path in tables),
        "Classes file": str(classes or ""),
    }
    for title, name in (
        ("Class column", "class_column"),
        ("User labels count", "user_labels"),
        ("Annotations count", "annotations"),
        ("Label images", "labels"),
    ):
        value = getattr(reading, name)
        said[title] = ("yes" if value else "no") if isinstance(value, bool) else str(value or "")
    return said


def _close(study: Study, counts: list[SectionCounts], written: list[Path], as_json: bool) -> None:
    """Print what there is now, and what does not count; exit status 1 where a table does not."""
    from bridge.aggregate import notes_of
    from bridge.aggregate.study import REASON, TABLE, WHAT

    excluded = study.excluded
    tables = excluded[excluded[WHAT] == "table"]
    # Said while reading, but for the problems of single images in tables of several.
    images = Counter(section.table for section in counts)
    failed = {s.problem for s in counts if s.problem and images[s.table] == 1 and not s.image}
    lines = [
        f"{name}: not counted: {reason}"
        for name, reason in zip(tables[TABLE], tables[REASON], strict=True)
        if reason not in failed
    ]
    lines += notes_of(study)
    for line in lines[:_MOST_LINES]:
        note(line)
    if len(lines) > _MOST_LINES:
        note(f"and {len(lines) - _MOST_LINES} more, see the sheets excluded and parameters")
    numbers = {
        "slices": len(study.slices),
        "organoids": len(study.organoids),
        "curated": len(study.curated),
        "objects": int(study.slices["Total"].sum()),
        "tables not counted": len(tables),
    }
    if as_json:
        print_json(
            {
                **numbers,
                "files": [str(path) for path in written],
                "excluded": excluded.to_dict(orient="records"),
                "notes": notes_of(study),
            }
        )
    else:
        for path in written:
            typer.echo(path)
    note(
        f"{numbers['objects']:,} objects in {numbers['slices']} slices of {numbers['organoids']} "
        f"organoids, {numbers['curated']} of them curated; {len(tables)} tables not counted"
    )
    if len(tables):
        raise typer.Exit(1)
