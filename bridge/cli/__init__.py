"""The command ``starbridge``: parses, calls, prints."""

from __future__ import annotations

import inspect
import logging
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.aggregate import aggregate as aggregate_command
from bridge.cli.batches import close_run, shown_progress
from bridge.cli.fiji import app as fiji_app
from bridge.cli.measure import measure as measure_command
from bridge.cli.options import Axes, PixelSize
from bridge.cli.qupath import app as qupath_app
from bridge.cli.saying import note, print_json
from bridge.cli.select import select as select_command
from bridge.errors import BadInputError, StarbridgeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.batch.listener import Outcome
    from bridge.batch.segment_job import Settings
    from bridge.batch.workers.base import Workers
    from bridge.images.locations import Location
    from bridge.segment.segmenter import Segmenter

app = typer.Typer(
    help="StarDist nuclei, from a microscope image to Fiji, QuPath and Excel.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # the coloured help would cost twice the time
    context_settings={"help_option_names": ["-h", "--help"]},
)
demo_app = typer.Typer(help="The model that comes with starbridge.", no_args_is_help=True)
app.add_typer(demo_app, name="demo")
app.add_typer(fiji_app, name="fiji")
app.command("measure")(measure_command)
app.command("aggregate")(aggregate_command)
app.command("select")(select_command)
app.add_typer(qupath_app, name="qupath")


class EngineKind(StrEnum):
    """Choices of ``--engine``."""

    auto = "auto"
    starbridge = "starbridge"
    keras = "keras"
    openvino = "openvino"
    onnx = "onnx"


class PrecisionKind(StrEnum):
    """Choices of ``--precision``."""

    f32 = "f32"
    int8 = "int8"


class OutlineKind(StrEnum):
    """Choices of ``--outline``."""

    star = "star"
    traced = "traced"


def _version(wanted: bool) -> None:
    if wanted:
        import bridge

        typer.echo(bridge.__version__)
        raise typer.Exit


@app.callback()
def _main(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say more about what is done, on stderr.")
    ] = False,
    _show_version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    level = logging.DEBUG if verbose else logging.WARNING
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    logging.getLogger("bridge").setLevel(level)


@app.command()
def segment(
    images: Annotated[
        list[str],
        typer.Argument(
            help="Images (TIFF, OME-TIFF, HDF5, OME-Zarr), or folders of them; also by URL "
            "(s3://bucket/folder).",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    model: Annotated[
        str, typer.Option("--model", "-m", help="StarDist model folder, or 'demo'.")
    ] = "demo",
    channel: Annotated[
        str | None,
        typer.Option(
            help="Channel of the nuclei: a name (DAPI) or a number from 0; several with commas "
            "for a model of several. [default: the model's]",
            show_default=False,
        ),
    ] = None,
    prob: Annotated[
        float | None,
        typer.Option(help="Probability threshold, 0 to 1. [default: the model's]"),
    ] = None,
    nms: Annotated[
        float | None,
        typer.Option(help="Overlap threshold (NMS), 0 to 1. [default: the model's]"),
    ] = None,
    percentiles: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Intensity percentiles brought to 0 and 1 (0.2 99.8). [default: the model's]",
        ),
    ] = None,
    pixel_size: PixelSize = None,
    axes: Axes = None,
    tiles: Annotated[
        str | None,
        typer.Option(help="Cut each plane into N or NYxNX tiles. [default: as memory asks for]"),
    ] = None,
    memory: Annotated[
        float, typer.Option(help="GiB for prediction, beside the image itself.")
    ] = 2.0,
    outline: Annotated[
        OutlineKind,
        typer.Option(help="StarDist's smooth outlines, or exact ones along pixel edges."),
    ] = OutlineKind.star,
    formats: Annotated[
        str | None,
        typer.Option(
            help="What to write, with commas: labels, hdf5, rois, geojson, csv, parquet, preview. "
            "[default: all but parquet]",
        ),
    ] = None,
    engine: Annotated[
        EngineKind,
        typer.Option(
            help="What runs the network: starbridge itself, TensorFlow (keras), OpenVINO, "
            "ONNX Runtime."
        ),
    ] = EngineKind.auto,
    precision: Annotated[
        PrecisionKind,
        typer.Option(
            help="int8: two to three times faster in OpenVINO, calibrated on your images and "
            "refused where it finds other nuclei."
        ),
    ] = PrecisionKind.f32,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make results anew that are there already.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Keep complete results that are there, whatever they were made with."
        ),
    ] = False,
    jobs: Annotated[
        str, typer.Option("--jobs", "-j", help="So many images at the same time, or 'auto'.")
    ] = "1",
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Dask cluster to work on: tcp://HOST:8786, the scheduler's JSON file, or "
            "'local:4' for one of 4 processes here.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the record of the run as JSON.")
    ] = False,
) -> None:
    """Find nuclei in images: labels, ROIs, GeoJSON, tables and a preview for each.

    Running the same command again does only what is missing.
    """
    from bridge.batch.segment_job import Settings, read_record
    from bridge.batch.workers.select import choose_workers
    from bridge.formats.layout import DEFAULT_FORMATS
    from bridge.images import find_images
    from bridge.model.folder import open_model
    from bridge.segment.engines.select import EngineChoice
    from bridge.segment.segmenter import Segmenter

    if overwrite and resume:
        raise BadInputError("--overwrite and --resume", "contradict each other", "give one of them")
    folder = open_model(model)
    recipe = folder.recipe.with_changes(
        prob=prob, nms=nms, percentiles=percentiles, channel=_channels(channel)
    )
    settings = Settings(
        formats=_words(formats) if formats is not None else DEFAULT_FORMATS,
        outline=outline.value,
        axes=axes,
        pixel_size=pixel_size,
        tiles=_tiles(tiles),
        memory=_gib(memory),
        existing="overwrite" if overwrite else "keep" if resume else "check",
    )
    workers = choose_workers(jobs, scheduler)
    found = find_images(images)
    choice = EngineChoice(engine.value, precision.value)
    if choice.precision == "int8":
        from bridge.segment.engines.calibrate import calibrate

        note(str(calibrate(folder, recipe, found, axes=axes, pixel_size=pixel_size, say=note)))
    segmenter = Segmenter(folder, recipe, make_engine=choice)
    outcomes = _run_batch(found, out, segmenter, settings, workers)
    if as_json:
        print_json({**read_record(out), "outcomes": [asdict(o) for o in outcomes]})
    close_run(outcomes, "results", out)


@app.command()
def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="Label TIFF, HDF5, RoiSet.zip, .roi, GeoJSON, CSV or Parquet.", show_default=False
        ),
    ],
    target: Annotated[
        Path, typer.Argument(help="File to write; its ending says the format.", show_default=False)
    ],
    image: Annotated[
        Path | None,
        typer.Option(help="The image the objects belong to, for its size and pixel size."),
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(help="Axes of a label stack (ZYX, TYX, TZYX), where the file does not say."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
) -> None:
    """Turn objects from one format into another: labels, ROIs, GeoJSON, tables."""
    from bridge.formats import format_of
    from bridge.images import open_image

    format_of(target)  # an unknown ending is said before anything is read
    if target.exists() and not overwrite:
        raise BadInputError(target, "is there already", "give --overwrite to replace it")
    reader = format_of(source).read
    options: dict[str, Any] = {}
    if image is not None:
        with open_image(image) as opened:
            options["image"] = opened.info
    if axes is not None:
        if "axes" not in inspect.signature(reader).parameters:
            raise BadInputError(source, "is no label image and takes no --axes", "leave it out")
        options["axes"] = axes.upper()
    detections = reader(source, **options)
    detections.write(target)
    typer.echo(f"{target}: {len(detections)} objects")


@app.command()
def export(
    model: Annotated[
        str, typer.Argument(help="StarDist model folder, or 'demo'.", show_default=False)
    ],
    to: Annotated[
        list[str] | None,
        typer.Option(
            help="What to write: tf1.12, tf1.15 (Fiji), pb (QuPath), onnx, bioimageio; "
            "may be given several times.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All that this model can be written as.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")] = Path(),
    weights: Annotated[
        str | None,
        typer.Option(help="'best', 'last' or a weights file. [default: the best]"),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(help="Run each file in the program that must load it, and compare."),
    ] = True,
) -> None:
    """Write a model for Fiji, QuPath and others, proved in the runtimes they load it with."""
    from models_export import export as export_model
    from models_export.console import ConsoleListener

    if not to and not everything:
        raise BadInputError("--to", "is missing", "say what to write (--to tf1.15), or --all")
    targets = None if everything else to
    with ConsoleListener() as listener:
        done = export_model(
            model, targets, out=out, weights=weights, verify=verify, listener=listener
        )
    for file in done.files:
        typer.echo(file.path)
        for check in file.checks:
            typer.echo(f"  {check}")
    for target, why in done.left_out.items():
        typer.echo(f"{target}: not written, because {done.source.name} {why}")
    typer.echo(done.record)
    if not done.ok:
        raise typer.Exit(1)


@app.command("verify")
def verify_files(
    files: Annotated[
        list[Path],
        typer.Argument(help="Exported models: .zip, .pb, .onnx; anyone's.", show_default=False),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Model folder that they were made from. [default: as .export.json beside says]",
        ),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="'best', 'last' or a weights file of that model.")
    ] = None,
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            help="tf1.12, tf1.13, tf1.14, tf1.15, opencv or onnxruntime; may be given several "
            "times. [default: those that the file is for]",
        ),
    ] = None,
) -> None:
    """Run exported models in the real runtimes, and say in plain words why one fails."""
    from models_export import verify
    from models_export.console import ConsoleListener

    failed = False
    for path in files:
        try:
            with ConsoleListener() as listener:
                verdict = verify(
                    path, model=model, weights=weights, runtimes=runtime, listener=listener
                )
        except StarbridgeError as error:  # the rest of the files goes on
            note(str(error))
            failed = True
            continue
        typer.echo(verdict.file)
        for check in verdict.checks:
            typer.echo(f"  {check}")
            failed |= check.status == "failed"
    if failed:
        raise typer.Exit(1)


@demo_app.command("run")
def demo_run(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path(
        "demo-output"
    ),
) -> None:
    """Segment a real image and a simulated four-channel section with the demo model."""
    from bridge.demo.showcase import SETTINGS, next_steps, write_images
    from bridge.segment.segmenter import Segmenter

    outcomes = _run_batch(write_images(out), out, Segmenter.load("demo"), SETTINGS)
    close_run(outcomes, "results", out)
    typer.echo(next_steps(out, outcomes))


@demo_app.command("train")
def demo_train(
    out: Annotated[Path, typer.Option("--out", "-o", help="Model folder to write.")],
    seed: Annotated[int, typer.Option(help="Of the simulation and of the training.")] = 1,
    epochs: Annotated[int, typer.Option(help="How long, in hundreds of steps.")] = 64,
    start: Annotated[
        Path | None, typer.Option(help="Model folder to go on from, in place of random weights.")
    ] = None,
) -> None:
    """Train the demo model anew on simulated nuclei (about a quarter of an hour on two cores)."""
    from bridge.demo.train import train

    typer.echo(train(out, seed=seed, epochs=epochs, start=start))


@demo_app.command("evaluate")
def demo_evaluate(
    model: Annotated[str, typer.Option("--model", "-m", help="Model folder, or 'demo'.")] = "demo",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare a model with the hand-made mask of the real image that comes with StarDist."""
    from bridge.demo.evaluate import evaluate

    result = evaluate(model)
    if as_json:
        print_json([asdict(score) for score in result])
        return
    for score in result:
        typer.echo(
            f"IoU {score.iou:g}: F1 {score.f1:.3f} (precision {score.precision:.2f}, recall "
            f"{score.recall:.2f}; {score.matched} right, {score.spurious} wrong, "
            f"{score.missed} missed)"
        )


@app.command()
def doctor(
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Model folder to look at too; several times."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is here of Fiji, Java, TensorFlow, QuPath, ilastik and models, and what to get."""
    from bridge.apps.doctor import examine

    report = examine(models=model or ())
    if as_json:
        print_json(report.to_json())
        return
    for line in report.lines():
        typer.echo(line)


def main() -> None:
    """Run the command; whatever a person can mend is one line on stderr and exit status 2."""
    try:
        app(standalone_mode=True)
    except StarbridgeError as error:
        note(str(error))
        sys.exit(2)


def _run_batch(
    images: Sequence[Location],
    out: Path,
    segmenter: Segmenter,
    settings: Settings,
    workers: Workers | None = None,
) -> list[Outcome]:
    from bridge.batch.segment_job import segment_files

    with shown_progress() as listener:
        return segment_files(images, out, segmenter, settings, listener, workers)


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _channels(text: str | None) -> int | str | tuple[int | str, ...] | None:
    if text is None:
        return None
    chosen = tuple(int(word) if word.isdecimal() else word for word in _words(text))
    if not chosen:
        raise BadInputError("--channel", "is empty", "give a name or a number from 0")
    return chosen[0] if len(chosen) == 1 else chosen


def _gib(memory: float) -> float:
    if not memory > 0:
        raise BadInputError("--memory", f"{memory} is no amount of memory", "give GiB, such as 2")
    return memory


def _tiles(text: str | None) -> int | tuple[int, int] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    if not all(p.isdecimal() and int(p) > 0 for p in parts) or len(parts) > 2:
        raise BadInputError("--tiles", f"{text!r} is no number of tiles", "give 4, or 4x3")
    numbers = [int(p) for p in parts]
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])
