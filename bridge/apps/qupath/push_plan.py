"""Decide what a push changes in an image: the merge, and the difference to what is there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from bridge.apps.qupath.cores import put_into_cores
from bridge.apps.qupath.nesting import annotations_around
from bridge.apps.qupath.project_files import ProjectClass
from bridge.apps.qupath.session import Objects
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.review import Merged, Pushed, Scope, compare, merge, segmented_planes
from bridge.review.pushed import ADDED, find_annotations, unmarked
from bridge.review.rebase import rebase

As = Literal["detection", "cell", "annotation"]


@dataclass(frozen=True, kw_only=True)
class MergeSettings:
    """Settings of the merge of new objects with those of an image.

    Attributes:
        kind: type of the objects in QuPath; ``None`` keeps their own.
        inside: class of the annotations that a push is about; ``None`` for the whole image.
        only_classes: classes that it is about; ``None`` for all.
        layer: layer that it is about (:class:`bridge.review.Scope`).
        keep_untouched: objects that nobody edited and that are not found again stay.
        classes: colours of classes by name, which replace those of the objects.
        conflict_class: class that marks objects in conflict (:func:`bridge.review.merge`); ``None``
            only lists them.
    """

    kind: As | None = None
    inside: str | None = None
    only_classes: frozenset[str] | None = None
    layer: str = ""
    keep_untouched: bool = False
    classes: dict[str, str] | None = None
    conflict_class: str | None = None


@dataclass(frozen=True, kw_only=True)
class PushPlan:
    """Changes that a push makes in an image.

    Attributes:
        merged: the merge.
        remove: UUIDs of objects to remove.
        add: objects to add.
        parents: UUID of the object that each of them goes into; ``None`` for the image itself.
        reclassify: class by UUID of objects that only get or lose the mark of a conflict.
    """

    merged: Merged
    remove: list[str] = field(default_factory=list)
    add: Detections
    parents: list[str | None]
    reclassify: dict[str, str | None] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """True where the image is as it should be."""
        return not (self.remove or len(self.add) or self.reclassify)


def plan_push(
    there: Objects,
    base: Pushed | None,
    new: Detections,
    settings: MergeSettings,
    *,
    earlier: Pushed | None = None,
    project_classes: Collection[ProjectClass] = (),
    time: str | None = None,
) -> PushPlan:
    """Merge new objects with those of an image, and find out what has to be written.

    An object that the merge leaves as the reviewer left it is never written: not its type, its
    coordinates or its measurements change.

    Args:
        there: the objects of the image.
        base: what was pushed last; ``None`` if nothing was.
        new: the new objects.
        settings: settings of the merge.
        earlier: the push that the image's objects come from, where that is not the last one: the
            edits are carried over to the last, which has those of other reviewers.
        project_classes: the project's classes, whose colours objects take.
        time: time of this push, for the history.

    Raises:
        BadInputError: no annotation of the class ``inside``; images of different sizes.
    """
    scope = _scope(there.detections, new, settings)
    regions = _regions(new, base, settings)
    new = _with_settings(new, regions, settings, project_classes)
    if base is None:
        # Objects that were imported otherwise (from GeoJSON, say) and were reviewed since.
        known = set(new.ids) & set(there.detections.ids)
        base = Pushed.of(_only(new, known), regions=regions & known, layer=settings.layer)
    reviewed, as_reviewed = there.detections, {*there.detections.ids}
    if earlier is not None:
        reviewed = rebase(earlier, there.detections, base)
        as_reviewed = {*compare(there.detections, reviewed).untouched}
    merged = merge(
        base,
        reviewed,
        new,
        scope=scope,
        regions=regions,
        keep_untouched=settings.keep_untouched,
        conflict_class=settings.conflict_class,
        time=time,
    )
    own, _ = unmarked(reviewed, base)
    unchanged = _unchanged(own, base.detections, merged.detections)
    stays = (merged.kept | unchanged) & as_reviewed
    shown = merged.pushed.shown
    remove = [identity for identity in there.detections.ids if identity not in stays]
    add = _only(shown, set(shown.ids) - stays)
    return PushPlan(
        merged=merged,
        remove=remove,
        add=add,
        parents=_parents(add, there, merged.detections),
        reclassify=_remarked(there.detections, shown, stays, {*base.marks, *merged.pushed.marks}),
    )


def _scope(there: Detections, new: Detections, settings: MergeSettings) -> Scope:
    """Return what a push is about."""
    regions = None
    if settings.inside is not None:
        frame = there.objects
        is_region = (frame["object_type"] == "annotation") & (frame["class"] == settings.inside)
        if not is_region.any():
            raise BadInputError(
                there.image.name or "image",
                f"has no annotation of the class {settings.inside!r}",
                "draw one in QuPath, or leave --inside out",
            )
        regions = frame[is_region]
    return Scope(
        regions=regions,
        planes=segmented_planes(new, there),
        classes=settings.only_classes,
        layer=settings.layer,
    )


def _regions(new: Detections, base: Pushed | None, settings: MergeSettings) -> frozenset[str]:
    """Return the annotations among new objects that are regions around nuclei.

    Annotations are nuclei where ``--as annotation`` makes them, and where they were pushed so.
    """
    annotations = find_annotations(new.objects)
    if base is not None:
        known = find_annotations(base.detections.objects) - base.regions
        if annotations & {i for i in known if ADDED not in base.decided.get(i, ())}:
            return annotations & base.regions
    if settings.kind == "annotation" and len(annotations) == len(new):
        return frozenset()
    return annotations


def _with_settings(
    new: Detections,
    regions: frozenset[str],
    settings: MergeSettings,
    project_classes: Collection[ProjectClass],
) -> Detections:
    """Give nuclei their type, and the colours of classes."""
    objects = new.objects.copy()
    if settings.kind is not None:
        nuclei = ~objects.index.isin(list(regions))
        objects.loc[nuclei, "object_type"] = settings.kind
    # QuPath has one colour a class: the project's replaces that of the objects.
    shown = {known.name: known.color for known in project_classes if known.color is not None}
    colors = objects["class"].map({**shown, **(settings.classes or {})})
    objects["class_color"] = colors.where(colors.notna(), objects["class_color"]).astype(object)
    return Detections(objects, new.image, new.outline)


def _only(detections: Detections, ids: set[str]) -> Detections:
    frame = detections.objects
    return Detections(frame[frame.index.isin(list(ids))], detections.image, detections.outline)


def _unchanged(there: Detections, pushed: Detections, wanted: Detections) -> frozenset[str]:
    """Return the UUIDs of objects that are in the image as they should be."""
    same = compare(there, wanted).untouched & {*pushed.ids}
    known = [identity for identity in there.ids if identity in same]
    # A new label or probability is no edit, and has to be written nevertheless. Those of the image
    # say less: an object that stays as it is may have the label of another one.
    before, after = (frame.objects.loc[known] for frame in (pushed, wanted))
    alike = before["label"] == after["label"]
    alike &= (before["prob"] - after["prob"]).abs().fillna(0) < 1e-9
    alike &= before["prob"].isna() == after["prob"].isna()
    return frozenset(before.index[alike])


def _remarked(
    there: Detections, shown: Detections, stays: frozenset[str], marks: set[str]
) -> dict[str, str | None]:
    """Return the class of the objects that stay, but for the mark of a conflict."""
    concerned = [identity for identity in there.ids if identity in stays and identity in marks]
    before, after = (frame.objects.loc[concerned, "class"] for frame in (there, shown))
    return {
        str(identity): None if new is None else str(new)
        for identity, old, new in zip(concerned, before, after, strict=True)
        if (old or None) != (new or None)
    }


def _parents(add: Detections, there: Objects, wanted: Detections) -> list[str | None]:
    """Return each object's parent: its earlier one, else the annotation or core that holds it."""
    before = dict(zip(there.detections.ids, there.parents, strict=True))
    left = set(wanted.ids)
    around = annotations_around(add, wanted)
    parents: list[str | None] = []
    for identity, region in zip(add.ids, around, strict=True):
        old = before.get(identity)
        parents.append(old if old in left else region)
    return put_into_cores(parents, add, there.cores)
