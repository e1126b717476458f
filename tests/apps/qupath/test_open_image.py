"""A push into the image that is open in a window: merged, recorded, and nothing lost on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge import Detections, ImageInfo
from bridge.apps.qupath.backup import BEFORE_ANY, Backup, push_name
from bridge.apps.qupath.errors import QuPathError
from bridge.apps.qupath.open_image import Step, changes, describe_changes, read_objects, take
from bridge.apps.qupath.packing import Packed, pack, unpack
from bridge.apps.qupath.project_files import ProjectImage, read_project
from bridge.apps.qupath.push_plan import MergeSettings
from bridge.detections import number_labels
from bridge.errors import BadInputError
from bridge.files.lock import locked
from bridge.review import compare
from bridge.review.rows import concat_tables
from tests.apps.qupath.server_builders import uri_builder, wrapped
from tests.apps.qupath.test_project_files import entry, write_project
from tests.review.nuclei import disc, edited

START, END = b"\xac\xed\x00\x05", b"t\x00\x03EOF"  # of a file that QuPath saved as a whole
INFO = ImageInfo(name="a", width=200, height=100)
STEPS = (Step.objects, Step.merged, Step.save)


class StoppedError(Exception):
    """The end of a script, or of QuPath."""


def segmentation(*places: tuple[int, int], image: ImageInfo = INFO) -> Detections:
    """Nuclei of 8 px around some places."""
    return Detections.from_polygons(
        [disc(x, y, 8) for x, y in places],
        columns={"Area": [float(x) for x, _ in places]},
        image=image,
        ids=[f"00000000-0000-0000-0000-{x:06}{y:06}" for x, y in places],
    )


FIRST = segmentation((20, 20), (60, 20), (100, 20))
SECOND = segmentation((21, 20), (61, 20), (101, 20), (140, 20))


def lacking(detections: Detections, *ids: str) -> Detections:
    """A copy in which a reviewer deleted some objects."""
    frame = detections.objects
    return replace(detections, objects=frame[~frame.index.isin(ids)])


def shown_image() -> dict[str, Any]:
    """The image as the project lists it."""
    listed = entry(1, "a.tif", "file:/images/a.tif")
    listed["serverBuilder"]["metadata"] |= {"width": INFO.width, "height": INFO.height}
    return listed


@dataclass
class Window:
    """Does what the script does in QuPath's window, without QuPath.

    Attributes:
        image: the open image.
        exchange: the folder that it shares with the command.
        shown: its objects as they are on the screen.
        push: name of the push that they say they come from.
        asked: steps that it was asked for.
        instead: what it does in place of a step.
    """

    image: ProjectImage
    exchange: Path
    shown: Detections
    push: str | None = None
    asked: list[Step] = field(default_factory=list)
    instead: dict[Step, Callable[[Window], None]] = field(default_factory=dict)

    def __call__(self, step: Step) -> None:
        self.asked.append(step)
        act = self.instead.get(step)
        if act is None:
            getattr(self, step.value)()
        else:
            act(self)

    def objects(self) -> None:
        self.write()
        self.put("objects", self.shown, self.push)

    def merged(self) -> None:
        self.put("merged", *self.planned())

    def save(self) -> None:
        self.shown, self.push = self.planned()
        self.write()

    def planned(self) -> tuple[Detections, str]:
        """The objects after the plan, and the name of the push."""
        plan = Packed.load(self.exchange / "plan")
        texts = plan.texts
        parents = np.full(len(plan.arrays["kind"]), -1)
        added, _ = unpack(replace(plan, arrays={**plan.arrays, "parentOf": parents}), INFO)
        there = lacking(self.shown, *map(str, texts["remove"]))
        frame = concat_tables([there.objects, added.objects])
        frame["label"] = number_labels(
            frame["label"].tolist(), frame["z"].tolist(), frame["t"].tolist()
        )
        both = Detections(frame, INFO)
        new = dict(zip(texts["reclassify"], texts["classes"], strict=True))
        for identity, name in new.items():
            both = edited(both, both.ids.index(str(identity)), **{"class": name})
        return both, str(texts["push"][0])

    def write(self) -> None:
        """Save the image."""
        self.image.data.mkdir(parents=True, exist_ok=True)
        content = repr((self.shown.ids, self.shown.objects.to_wkt().to_csv(), self.push))
        self.image.objects_file.write_bytes(START + content.encode() + END)

    def put(self, name: str, objects: Detections, push: str | None) -> None:
        """Pack objects as the script does."""
        folder = self.exchange / name
        folder.mkdir(exist_ok=True)
        packed, no_marks = pack(objects), pack(Detections.from_polygons([]))
        marks = {"parentOf": [], "wkb": [], "wkbEnds": [0], "coreOf": []}
        arrays = {**no_marks.arrays, **{key: np.array(v, np.int32) for key, v in marks.items()}}
        Packed(
            {
                **packed.arrays,
                "parentOf": np.full(len(objects), -1),
                "coreOf": np.full(len(objects), -1),
                **{f"markers.{name}": values for name, values in arrays.items()},
            },
            {**packed.texts, **{f"markers.{name}": v for name, v in no_marks.texts.items()}},
        ).save(folder)
        about: dict[str, Any] = {
            "width": INFO.width, "height": INFO.height, "size_z": 1, "size_t": 1,
            "pixel_size": None, "channels": ["DAPI"], "skipped": 0, "push": push,
        }  # fmt: skip
        (folder / "image.json").write_text(json.dumps(about))


@dataclass
class Open:
    """An image that is open in a window.

    Attributes:
        project: folder of its project.
        results: folder of the two segmentations.
        window: the window.
    """

    project: Path
    results: Path
    window: Window

    @property
    def backup(self) -> Backup:
        files = read_project(self.project)
        return Backup(files, files.images[0])

    def take(self, new: str, **settings: Any) -> Any:
        """Push a segmentation into it."""
        for old in self.window.exchange.iterdir():
            for file in old.iterdir():
                file.unlink()
            old.rmdir()
        self.window.asked.clear()
        source = self.results / new
        chosen = MergeSettings(**settings)
        return take(self.project, "1", [source], self.window.exchange, chosen, ask=self.window)

    def left_over(self) -> list[str]:
        """What only an unfinished push leaves."""
        names = [path.name for path in (self.project / "starbridge").iterdir()]
        return [name for name in names if "next" in name or "pending" in name]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """An image without objects."""
    project = write_project(tmp_path / "p", shown_image())
    for name, objects in (("first", FIRST), ("second", SECOND)):
        objects.write(tmp_path / name / "geojson" / "a.geojson")
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    image = read_project(project).images[0]
    nothing = Detections.from_polygons([], image=INFO)
    return Open(project, tmp_path, Window(image, exchange, nothing))


@pytest.fixture
def pushed(opened: Open) -> Open:
    """An image with the first segmentation."""
    opened.take("first")
    return opened


def test_an_image_without_objects_gets_those_of_the_segmentation(opened: Open) -> None:
    outcome = opened.take("first")

    assert len(compare(FIRST, opened.window.shown).untouched) == 3
    assert (outcome.image, outcome.added, outcome.removed) == ("a.tif", 3, 0)
    record = opened.backup.pushed()
    assert record is not None
    assert record.detections.ids == FIRST.ids
    assert push_name(record) == opened.window.push
    assert opened.left_over() == []


def test_edits_are_kept_though_they_were_not_saved(pushed: Open) -> None:
    window = pushed.window
    window.shown = edited(lacking(window.shown, FIRST.ids[0]), 0, **{"class": "Neuron"})

    outcome = pushed.take("second")

    assert window.shown.ids == [FIRST.ids[1], FIRST.ids[2], SECOND.ids[3]]
    assert window.shown.objects.loc[FIRST.ids[1], "class"] == "Neuron"
    assert outcome.merged.review.counts()["deleted"] == 1
    # the reviewer's last state, unsaved edits too, is the copy that is kept
    kept = pushed.backup.kept_copies()[0].objects.read_bytes()
    assert FIRST.ids[1].encode() in kept
    assert FIRST.ids[0].encode() not in kept


def test_the_same_segmentation_again_changes_nothing(pushed: Open) -> None:
    before = pushed.window.shown

    outcome = pushed.take("first")

    assert pushed.window.asked == [Step.objects]
    assert pushed.window.shown is before
    assert (outcome.added, outcome.removed) == (0, 0)


def test_conflicts_are_listed_and_marked(pushed: Open) -> None:
    window = pushed.window
    window.shown = edited(window.shown, 0, **{"class": "Neuron"})
    segmentation((150, 80)).write(pushed.results / "else" / "geojson" / "a.geojson")

    outcome = pushed.take("else", conflict_class="look")

    assert window.shown.objects.loc[FIRST.ids[0], "class"] == "Neuron: look"
    assert "not found" in outcome.conflicts.read_text()


@pytest.mark.parametrize("step", STEPS)
def test_a_script_that_ends_before_a_step_leaves_all_as_it_was(pushed: Open, step: Step) -> None:
    window = pushed.window
    window.shown = lacking(window.shown, FIRST.ids[0])
    window.write()
    saved, record = window.image.objects_file.read_bytes(), pushed.backup.record.read_bytes()

    def stop(window: Window) -> None:
        raise StoppedError

    window.instead[step] = stop
    with pytest.raises(StoppedError):
        pushed.take("second")

    assert window.image.objects_file.read_bytes() == saved
    assert pushed.backup.record.read_bytes() == record
    assert pushed.left_over() == []
    window.instead.clear()
    pushed.take("second")
    assert window.shown.ids == [FIRST.ids[1], FIRST.ids[2], SECOND.ids[3]]


def test_a_script_that_ends_after_saving_has_pushed(pushed: Open) -> None:
    def save_and_stop(window: Window) -> None:
        window.save()
        raise StoppedError

    pushed.window.instead[Step.save] = save_and_stop
    with pytest.raises(StoppedError):
        pushed.take("second")

    record = pushed.backup.pushed()
    assert record is not None
    assert push_name(record) == pushed.window.push
    assert len(record.times) == 2
    assert pushed.left_over() == []


def test_a_file_that_was_saved_in_part_is_put_back(pushed: Open) -> None:
    saved = pushed.window.image.objects_file.read_bytes()

    def save_half(window: Window) -> None:
        window.image.objects_file.write_bytes(saved[:20])
        raise StoppedError

    pushed.window.instead[Step.save] = save_half
    with pytest.raises(StoppedError):
        pushed.take("second")

    assert pushed.window.image.objects_file.read_bytes() == saved
    record = pushed.backup.pushed()
    assert record is not None
    assert len(record.times) == 1
    assert pushed.left_over() == []


def test_a_window_that_saves_nothing_is_noticed(pushed: Open) -> None:
    pushed.window.instead[Step.save] = lambda window: None

    with pytest.raises(QuPathError, match=r"a\.tif: QuPath did not save it"):
        pushed.take("second")

    assert pushed.left_over() == []


def test_a_window_that_makes_something_else_is_noticed_before_anything_is_written(
    pushed: Open,
) -> None:
    record = pushed.backup.record.read_bytes()
    pushed.window.instead[Step.merged] = lambda window: window.put("merged", FIRST, "2 x")

    with pytest.raises(QuPathError, match="what QuPath made is not what was pushed"):
        pushed.take("second")

    assert Step.save not in pushed.window.asked
    assert pushed.backup.record.read_bytes() == record
    assert pushed.left_over() == []


def cut(folder: Path) -> None:
    file = folder / "arrays.npz"
    file.write_bytes(file.read_bytes()[:-100])


def lose_outlines(folder: Path) -> None:
    packed = Packed.load(folder)
    arrays = {name: array for name, array in packed.arrays.items() if name != "Rings"}
    Packed(arrays, packed.texts).save(folder)


def point_beyond(folder: Path) -> None:
    packed = Packed.load(folder)
    classes = np.full(len(packed.arrays["kind"]), 99, np.int32)
    Packed({**packed.arrays, "classOf": classes}, packed.texts).save(folder)


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        lose_outlines,
        point_beyond,
        lambda folder: (folder / "texts.json").write_text("{"),
        lambda folder: (folder / "texts.json").unlink(),
        lambda folder: (folder / "image.json").write_text("[]"),
        lambda folder: (folder / "image.json").write_text("x" * 2_000_000),
    ],
)
def test_damaged_objects_are_refused(pushed: Open, damage: Callable[[Path], None]) -> None:
    def damaged(window: Window) -> None:
        window.objects()
        damage(window.exchange / "objects")

    record = pushed.backup.record.read_bytes()
    pushed.window.instead[Step.objects] = damaged

    with pytest.raises(BadInputError, match=r"does not hold the objects of a\.tif"):
        pushed.take("second")

    assert pushed.window.asked == [Step.objects]
    assert pushed.backup.record.read_bytes() == record
    assert pushed.left_over() == []


def test_the_project_is_locked_from_the_first_step_to_the_last(pushed: Open) -> None:
    held = []

    def try_lock(window: Window) -> None:
        step = window.asked[-1]
        with (
            pytest.raises(BadInputError, match="is in use: push into"),
            locked(pushed.project / "starbridge" / "lock", doing="test", wait=0),
        ):
            pass
        held.append(step)
        getattr(window, step.value)()

    pushed.window.instead = dict.fromkeys(STEPS, try_lock)
    pushed.take("second")

    assert tuple(held) == STEPS


def test_an_image_of_another_size_is_refused(pushed: Open) -> None:
    larger = segmentation((20, 20), image=ImageInfo(name="a", width=400, height=100))
    larger.write(pushed.results / "larger" / "geojson" / "a.geojson")

    with pytest.raises(
        BadInputError, match=r"400 x 100 px, and a\.tif in the project is made of 200 x 100 px"
    ):
        pushed.take("larger")

    assert pushed.window.asked == [Step.objects]


@pytest.mark.parametrize("number", ["2", "../1", "a.tif", ""])
def test_an_image_is_known_by_its_number_alone(opened: Open, number: str) -> None:
    with pytest.raises(BadInputError, match="has no image of the number"):
        take(
            opened.project, number, [opened.results / "first"], opened.window.exchange,
            MergeSettings(), ask=opened.window,
        )  # fmt: skip

    assert opened.window.asked == []


def test_a_segmentation_of_another_image_is_named(opened: Open) -> None:
    (opened.results / "first" / "geojson" / "a.geojson").rename(
        opened.results / "first" / "geojson" / "b.geojson"
    )

    with pytest.raises(BadInputError, match="has no objects in"):
        opened.take("first")


@pytest.mark.parametrize(("as_shown", "x", "y"), [(False, 180, 80), (True, 20, 20)])
def test_objects_lie_where_a_rotated_image_shows_them(
    opened: Open, as_shown: bool, x: int, y: int
) -> None:
    listed = entry(1, "a.tif", "")
    listed["serverBuilder"] = wrapped("rotated", uri_builder(200, 100), rotation="ROTATE_180")
    write_project(opened.project, listed)

    take(
        opened.project, "1", [opened.results / "first"], opened.window.exchange,
        MergeSettings(), as_shown=as_shown, ask=opened.window,
    )  # fmt: skip

    center = opened.window.shown.objects.geometry.loc[FIRST.ids[0]].centroid
    assert (center.x, center.y) == pytest.approx((x, y), abs=0.01)


# ---- undo --------------------------------------------------------------------------------------


def test_undoing_a_push_leads_back_to_the_review_before_it(pushed: Open) -> None:
    window = pushed.window
    window.shown = edited(window.shown, 1, name="mitosis")
    before, earlier = window.shown, window.push
    pushed.take("second")

    window.shown, window.push = lacking(before, FIRST.ids[0]), earlier
    outcome = pushed.take("second")

    counts = {what: n for what, n in outcome.merged.review.counts().items() if n}
    assert counts == {"deleted": 1, "untouched": 3}
    assert sorted(outcome.merged.pushed.history["what"]) == ["deleted", "renamed"]
    assert window.shown.ids == [FIRST.ids[1], FIRST.ids[2], SECOND.ids[3]]
    assert window.shown.objects.loc[FIRST.ids[1], "name"] == "mitosis"


def test_undoing_the_first_push_leads_back_to_none(opened: Open) -> None:
    drawn = segmentation((180, 80))
    opened.window.shown = drawn
    opened.take("first")
    plan = Packed.load(opened.window.exchange / "plan")
    assert plan.texts["before"] == [BEFORE_ANY]

    opened.window.shown, opened.window.push = drawn, BEFORE_ANY
    opened.window.objects()

    review = changes(opened.project, "1", opened.window.exchange)
    assert review.changes is None
    opened.take("first")
    assert opened.window.shown.ids == [*drawn.ids, *FIRST.ids]


# ---- what was changed --------------------------------------------------------------------------


def test_changes_are_counted_since_the_last_push_and_since_the_first(pushed: Open) -> None:
    window = pushed.window
    window.shown = lacking(window.shown, FIRST.ids[0])
    pushed.take("second")
    window.shown = edited(window.shown, 0, **{"class": "Neuron"})
    window.objects()

    review = changes(pushed.project, "1", window.exchange)
    lines = describe_changes(review)

    assert lines[0].startswith("a.tif: 3 objects; 3 in push 2 ")
    assert lines[1:] == [
        "since the last push: 1 reclassified",
        "since the first push: 1 deleted, 1 reclassified",
    ]


def test_open_conflicts_are_counted(pushed: Open) -> None:
    pushed.window.shown = edited(pushed.window.shown, 0, **{"class": "Neuron"})
    segmentation((150, 80)).write(pushed.results / "else" / "geojson" / "a.geojson")
    pushed.take("else")
    pushed.window.objects()

    lines = describe_changes(changes(pushed.project, "1", pushed.window.exchange))

    assert lines[-1] == "1 open conflicts: 1 not found"


def test_of_an_image_without_a_push_only_its_objects_are_counted(opened: Open) -> None:
    opened.window.shown = FIRST
    opened.window.objects()

    lines = describe_changes(changes(opened.project, "1", opened.window.exchange))

    assert lines == ["a.tif: 3 objects", "Nothing was pushed into this image yet."]


def test_asking_what_was_changed_writes_nothing(pushed: Open) -> None:
    pushed.window.objects()
    before = {p: p.read_bytes() for p in pushed.project.rglob("*") if p.is_file()}

    changes(pushed.project, "1", pushed.window.exchange)

    assert {p: p.read_bytes() for p in pushed.project.rglob("*") if p.is_file()} == before


def test_objects_of_a_window_carry_what_it_knows_of_the_image(pushed: Open) -> None:
    pushed.window.push = "1 then"
    pushed.window.objects()

    found = read_objects(pushed.window.exchange / "objects", pushed.window.image)

    assert found.push == "1 then"
    assert found.detections.image == replace(INFO, name="a", channels=("DAPI",))
