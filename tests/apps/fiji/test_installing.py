"""Macros and models put into apps, and what people have changed there left alone."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

import bridge
from bridge.apps import installing
from bridge.apps.fiji.finding import FijiApp, inspect_app
from bridge.apps.fiji.installing import install, macros_folder
from bridge.errors import BadInputError
from bridge.files import packaged
from bridge.model.macro_settings import macro_settings
from tests.apps.app_folders import fiji_of_2017, fiji_of_today, plain_imagej

OWN = """// @java.io.Serializable (value="(default)", required=false, persist=false) label_file
while (nextPass()) {
\tlabel_file = fileSetting(label_file, "Label_file (empty: the active image)", "");
}
"""
MACRO = '#@ File (label="Label image") labels\nprint(labels);\n'


@pytest.fixture
def macros(tmp_path: Path) -> Path:
    folder = tmp_path / "macros"
    folder.mkdir()
    (folder / "labels_to_rois.ijm").write_text(MACRO, "utf-8")
    (folder / "count.ijm").write_text("print(1);\n", "utf-8")
    (folder / "README.md").write_text("no macro")
    return folder


@pytest.fixture
def fiji(tmp_path: Path) -> FijiApp:
    return inspect_app(fiji_of_today(tmp_path / "Fiji"))


SETTINGS: dict[str, dict[str, Any]] = {
    "config.json": {"n_dim": 2, "n_rays": 32, "grid": [2, 2], "n_channel_in": 1},
    "thresholds.json": {"prob": 0.61, "nms": 0.25},
    "recipe.json": {"percentiles": [0.5, 99.5], "channel": 2},
}


def model(folder: Path, name: str = "demo.tf1.15.zip", settings: Any = SETTINGS) -> Path:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("saved_model.pb", b"graph")
        for file, content in settings.items():
            archive.writestr(file, json.dumps(content))
    (folder / "demo.export.json").write_text(json.dumps({"files": [{"name": name}]}))
    (folder / "other.export.json").write_text(json.dumps({"files": [{"name": "other.zip"}]}))
    (folder / "broken.export.json").write_text("{")
    return folder / name


def settings_of(macro: Path) -> dict[str, str]:
    return {setting.name: setting.default for setting in macro_settings(macro.read_text("utf-8"))}


def names(paths: tuple[Path, ...]) -> list[str]:
    return [path.name for path in paths]


@pytest.mark.parametrize("make", [fiji_of_2017, fiji_of_today])
def test_fiji_gets_macros_as_they_are(tmp_path: Path, macros: Path, make: object) -> None:
    assert callable(make)
    app = inspect_app(make(tmp_path / "Fiji.app"))

    done = install(app, macros=macros)

    assert done.folder == app.path / "scripts/Plugins/StarBridge"
    assert names(done.written) == ["count.ijm", "labels_to_rois.ijm"]
    assert (done.folder / "labels_to_rois.ijm").read_text("utf-8") == MACRO
    assert done.lines()[0] == (
        f"2 macros in {done.folder}; restart Fiji to see Plugins › StarBridge"
    )
    assert [note[:31] for note in done.notes] == ["the macros need ImageJ 1.53t or"] * (
        make is fiji_of_2017
    )


def test_plain_imagej_has_them_among_its_plugins(tmp_path: Path, macros: Path) -> None:
    (macros / "labels_to_rois.ijm").write_text(OWN, "utf-8")

    done = install(inspect_app(plain_imagej(tmp_path / "ImageJ")), macros=macros)

    assert done.folder == tmp_path / "ImageJ/plugins/StarBridge"
    assert (done.folder / "labels_to_rois.ijm").read_text("utf-8") == OWN


def test_what_plain_imagej_cannot_run_is_left_out(tmp_path: Path, macros: Path) -> None:
    done = install(inspect_app(plain_imagej(tmp_path / "ImageJ")), macros=macros)

    assert names(done.written) == ["count.ijm"]
    assert done.notes == ("labels_to_rois.ijm is left out, because its #@ lines need Fiji",)


def test_again_changes_nothing(fiji: FijiApp, macros: Path) -> None:
    install(fiji, macros=macros)

    done = install(fiji, macros=macros)

    assert (done.written, done.kept) == ((), ())
    assert names(done.unchanged) == ["count.ijm", "labels_to_rois.ijm"]


def test_an_older_macro_of_ours_is_replaced(fiji: FijiApp, macros: Path) -> None:
    install(fiji, macros=macros)
    (macros / "count.ijm").write_text("print(2);\n", "utf-8")

    done = install(fiji, macros=macros)

    assert names(done.written) == ["count.ijm"]
    assert (done.folder / "count.ijm").read_text("utf-8") == "print(2);\n"


def test_what_a_person_changed_stays(fiji: FijiApp, macros: Path) -> None:
    folder = install(fiji, macros=macros).folder
    (folder / "count.ijm").write_text("print('mine');\n", "utf-8")
    for text in ("print(2);\n", "print(3);\n"):
        (macros / "count.ijm").write_text(text, "utf-8")

        done = install(fiji, macros=macros)

        assert names(done.kept) == ["count.ijm"]
        assert (folder / "count.ijm").read_text("utf-8") == "print('mine');\n"
        assert "you have changed it, so it stays" in done.lines()[1]


def test_what_a_person_put_there_before_us_stays(fiji: FijiApp, macros: Path) -> None:
    mine = fiji.path / "scripts/Plugins/StarBridge/count.ijm"
    mine.parent.mkdir(parents=True)
    mine.write_text("print('mine');\n", "utf-8")

    assert names(install(fiji, macros=macros).kept) == ["count.ijm"]


def test_overwriting_loses_nothing(fiji: FijiApp, macros: Path) -> None:
    folder = install(fiji, macros=macros).folder
    for number in (1, 2):
        (folder / "count.ijm").write_text(f"print('mine {number}');\n", "utf-8")

        done = install(fiji, macros=macros, overwrite=True)

        assert names(done.written) == ["count.ijm"]
        assert done.saved[0].read_text("utf-8") == f"print('mine {number}');\n"
    assert sorted(p.name for p in folder.glob("count*")) == [
        "count (edited 2).ijm", "count (edited).ijm", "count.ijm",
    ]  # fmt: skip
    assert install(fiji, macros=macros).kept == ()


def test_macros_that_are_no_more_go_unless_changed(fiji: FijiApp, macros: Path) -> None:
    folder = install(fiji, macros=macros).folder
    (folder / "labels_to_rois.ijm").write_text("print('mine');\n", "utf-8")
    (macros / "new.ijm").write_text("print(3);\n", "utf-8")
    for name in ("count.ijm", "labels_to_rois.ijm"):
        (macros / name).unlink()

    done = install(fiji, macros=macros)

    assert names(done.removed) == ["count.ijm"]
    assert sorted(p.name for p in folder.glob("*.ijm")) == ["labels_to_rois.ijm", "new.ijm"]


@pytest.mark.parametrize(
    "record", ["{", "[]", '{"files": 3}', '{"files": {"../../../../victim.ijm": "HASH"}}']
)
def test_a_hostile_record_harms_nobody(fiji: FijiApp, macros: Path, record: str) -> None:
    folder = install(fiji, macros=macros).folder
    victim = fiji.path / "victim.ijm"
    victim.write_bytes(b"mine")
    text = record.replace("HASH", installing.file_hash(victim) or "")
    (folder / installing.RECORD).write_text(text)

    done = install(fiji, macros=macros)

    assert victim.exists()
    assert (done.removed, len(done.unchanged)) == ((), 2)


def test_models_come_with_their_recipe(tmp_path: Path, fiji: FijiApp, macros: Path) -> None:
    zipped = model(tmp_path / "out")

    done = install(fiji, macros=macros, models=[zipped])

    folder = fiji.path / "starbridge/models"
    assert done.models == (folder / "demo.tf1.15.zip",)
    assert sorted(p.name for p in folder.iterdir()) == ["demo.export.json", "demo.tf1.15.zip"]
    assert done.models[0].read_bytes() == zipped.read_bytes()
    assert done.notes == ()
    assert f"{done.models[0]}: model" in done.lines()


def test_a_model_that_does_not_fit_is_told(tmp_path: Path, fiji: FijiApp, macros: Path) -> None:
    zipped = model(tmp_path / "out")
    for jar in ("libtensorflow", "libtensorflow_jni"):
        (fiji.path / f"jars/{jar}-1.15.0.jar").rename(fiji.path / f"jars/{jar}-1.12.0.jar")
    old = inspect_app(fiji_of_2017(tmp_path / "old"))

    twelve = install(inspect_app(fiji.path), macros=macros, models=[zipped]).notes
    none = install(old, macros=macros, models=[zipped]).notes[1:]

    assert "take demo.tf1.12.zip" in twelve[0]
    assert len(twelve) == 1
    assert "this Fiji cannot load it yet (TensorFlow: Help › Update" in none[0]


def test_a_model_has_a_macro_of_its_own_in_the_menu(
    tmp_path: Path, fiji: FijiApp, macros: Path
) -> None:
    done = install(fiji, macros=macros, models=[model(tmp_path / "out")])

    assert names(done.written) == ["count.ijm", "labels_to_rois.ijm", "stardist_demo.ijm"]
    settings = settings_of(done.folder / "stardist_demo.ijm")
    assert settings == settings | {
        "model_file": str(fiji.path / "starbridge" / "models" / "demo.tf1.15.zip"),
        "input_channels": "3",
        "percentile_low": "0.5",
        "percentile_high": "99.5",
        "prob_threshold": "0.61",
        "nms_threshold": "0.25",
        "border_width": "4",
    }


def test_a_models_macro_stays_as_long_as_its_zip(
    tmp_path: Path, fiji: FijiApp, macros: Path
) -> None:
    done = install(fiji, macros=macros, models=[model(tmp_path / "out")])
    macro = done.folder / "stardist_demo.ijm"

    assert macro in install(fiji, macros=macros).unchanged

    done.models[0].unlink()
    assert install(fiji, macros=macros).removed == (macro,)


def test_a_models_macro_that_a_person_changed_stays(
    tmp_path: Path, fiji: FijiApp, macros: Path
) -> None:
    zipped = model(tmp_path / "out")
    macro = install(fiji, macros=macros, models=[zipped]).folder / "stardist_demo.ijm"
    macro.write_text("print('mine');", "utf-8")

    assert install(fiji, macros=macros, models=[zipped]).kept == (macro,)


def test_of_the_zips_of_a_model_the_one_for_this_fiji_is_taken(
    tmp_path: Path, fiji: FijiApp, macros: Path
) -> None:
    twelve, fifteen = (model(tmp_path / "out", f"demo.tf{n}.zip") for n in ("1.12", "1.15"))

    done = install(fiji, macros=macros, models=[twelve, fifteen])

    assert names(done.models) == ["demo.tf1.15.zip"]
    assert done.notes == (
        "demo.tf1.15.zip is taken, not demo.tf1.12.zip: it is for TensorFlow 1.15.0, which this "
        "Fiji has",
    )

    for jar in ("libtensorflow", "libtensorflow_jni"):
        (fiji.path / f"jars/{jar}-1.15.0.jar").rename(fiji.path / f"jars/{jar}-1.12.0.jar")
    older = install(inspect_app(fiji.path), macros=macros, models=[fifteen])

    assert names(older.models) == ["demo.tf1.12.zip"]
    assert settings_of(older.folder / "stardist_demo.ijm")["model_file"].endswith("demo.tf1.12.zip")
    # both are in the app now; without new ones it is the fitting one again
    again = install(inspect_app(fiji.path), macros=macros)
    assert settings_of(again.folder / "stardist_demo.ijm")["model_file"].endswith("demo.tf1.12.zip")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "does not hold the model's prob, nms, percentiles"),
        (SETTINGS | {"recipe.json": {}}, "does not hold the model's percentiles"),
        (SETTINGS | {"recipe.json": {"percentiles": [9, 1]}}, "percentiles: 9 and 1 do not rise"),
        (SETTINGS | {"config.json": {"n_dim": 3, "n_rays": 32}}, "is a 3D model"),
    ],
)
def test_a_zip_without_settings_has_no_macro(
    tmp_path: Path, fiji: FijiApp, macros: Path, settings: Any, why: str
) -> None:
    done = install(fiji, macros=macros, models=[model(tmp_path / "out", settings=settings)])

    (note,) = done.notes
    assert note.startswith(f"demo.tf1.15.zip: no macro of its own in the menu, because it {why}")
    assert note.endswith("give stardist haug2 this zip and the model's settings")
    assert names(done.written) == ["count.ijm", "labels_to_rois.ijm"]
    assert names(done.models) == ["demo.tf1.15.zip"]


def test_settings_may_come_from_the_record(tmp_path: Path, fiji: FijiApp, macros: Path) -> None:
    zipped = model(tmp_path / "out", settings={})
    record = {
        "model": {"config": SETTINGS["config.json"]},
        "recipe": SETTINGS["recipe.json"] | SETTINGS["thresholds.json"],
        "files": [{"name": zipped.name, "sha256": installing.file_hash(zipped)}],
    }
    (tmp_path / "out" / "demo.export.json").write_text(json.dumps(record))

    done = install(fiji, macros=macros, models=[zipped])

    assert settings_of(done.folder / "stardist_demo.ijm")["prob_threshold"] == "0.61"


@pytest.mark.parametrize("name", ['it"s; [a] model', "Größe", "labels_to_rois"])
def test_a_models_name_harms_no_macro(
    tmp_path: Path, fiji: FijiApp, macros: Path, name: str
) -> None:
    zipped = model(tmp_path / "out", f"{name}.tf1.15.zip".replace('"', "'"))

    done = install(fiji, macros=macros, models=[zipped])

    assert (done.folder / "labels_to_rois.ijm").read_text("utf-8") == MACRO
    macro = done.written[-1]
    assert macro.name in (
        "it_s_a_model.ijm",
        "stardist_Größe.ijm",
        "labels_to_rois_model.ijm",
    )
    assert macro.read_bytes().isascii()
    assert settings_of(macro)["model_file"] == str(done.models[0])


@pytest.mark.parametrize(
    ("name", "menu"),
    [("2D_demo", "2D_demo"), ("demo", "stardist_demo"), ("a-b.c", "stardist_a-b.c")],
)
def test_run_finds_a_models_macro_by_its_name(
    tmp_path: Path, fiji: FijiApp, macros: Path, name: str, menu: str
) -> None:
    # ImageJ's run() knows scripts with an underscore in their names only
    done = install(fiji, macros=macros, models=[model(tmp_path / "out", f"{name}.tf1.15.zip")])

    assert done.written[-1].name == f"{menu}.ijm"
    assert f'run("{menu.replace("_", " ")}", ' in done.written[-1].read_text("utf-8")


def test_the_macro_of_stardist_haug2_is_that_of_the_model(tmp_path: Path, fiji: FijiApp) -> None:
    plain = install(fiji).folder / "stardist_haug2.ijm"
    assert settings_of(plain)["model_file"] == ""

    install(fiji, models=[model(tmp_path / "out", "stardist_haug2.tf1.15.zip")])

    assert settings_of(plain)["model_file"].endswith("stardist_haug2.tf1.15.zip")


def test_what_is_no_model_is_refused_before_anything_is_done(
    tmp_path: Path, fiji: FijiApp, macros: Path
) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("rois.roi", b"")
    for path, problem in (
        (tmp_path / "none.zip", "does not exist"),
        (tmp_path, "is a folder, no exported model"),
        (tmp_path / "a.zip", "is no zip, or a damaged one"),
        (tmp_path / "b.zip", "holds no saved_model.pb"),
    ):
        with pytest.raises(BadInputError, match=problem):
            install(fiji, macros=macros, models=[path])
    assert not (fiji.path / "scripts").exists()


def test_a_file_in_the_way_is_named(fiji: FijiApp, macros: Path) -> None:
    (fiji.path / "scripts").write_text("")

    with pytest.raises(BadInputError, match="a file, not a folder|in the way of a folder"):
        install(fiji, macros=macros)


def test_a_folder_in_the_place_of_a_macro_is_named(fiji: FijiApp, macros: Path) -> None:
    (fiji.path / "scripts/Plugins/StarBridge/count.ijm").mkdir(parents=True)

    with pytest.raises(BadInputError, match="is a folder where a file belongs"):
        install(fiji, macros=macros)


def test_an_app_of_somebody_else_is_told_in_one_line(
    fiji: FijiApp, macros: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)

    with pytest.raises(BadInputError, match="you may not write into this Fiji; ask who") as caught:
        install(fiji, macros=macros)
    assert str(caught.value).startswith(str(fiji.path))


def test_sources_in_subfolders_are_not_installed(
    tmp_path: Path, fiji: FijiApp, macros: Path
) -> None:
    for name in ("src", "lib"):
        (macros / name).mkdir()
        (macros / name / "part.ijm").write_text("// a part of a macro")

    done = install(fiji, macros=macros)

    assert names(done.written) == ["count.ijm", "labels_to_rois.ijm"]


def test_a_folder_without_macros_is_refused(tmp_path: Path, fiji: FijiApp) -> None:
    with pytest.raises(BadInputError, match="holds no macro"):
        install(fiji, macros=tmp_path / "empty")


def test_macros_are_found_in_a_package_and_in_a_checkout(
    tmp_path: Path, macros: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaged, "PACKAGE", tmp_path / "bridge")

    assert macros_folder() == macros
    packed = tmp_path / "bridge" / "macros"
    packed.mkdir(parents=True)
    (packed / "a.ijm").touch()
    assert macros_folder() == packed
    (packed / "a.ijm").unlink()
    (macros / "count.ijm").unlink()
    (macros / "labels_to_rois.ijm").unlink()
    with pytest.raises(BadInputError, match="holds no macro; install starbridge again"):
        macros_folder()


@pytest.mark.skipif(
    not any((Path(bridge.__file__).parents[1] / "macros").glob("*.ijm")), reason="no macros here"
)
@pytest.mark.parametrize("make", [fiji_of_today, plain_imagej])
def test_our_own_macros_install_everywhere(tmp_path: Path, make: object) -> None:
    assert callable(make)

    done = install(inspect_app(make(tmp_path / "app")))

    assert done.written
    assert done.notes == ()


@pytest.mark.parametrize(
    "name", ["starbridge_segment", "take_new_segmentation", "what_have_i_changed"]
)
def test_a_macro_that_calls_starbridge_knows_where_it_is(
    fiji: FijiApp, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path=None: "/opt/my env/starbridge")

    done = install(fiji)

    settings = macro_settings((done.folder / f"{name}.ijm").read_text("utf-8"))
    assert [s.default for s in settings if s.name == "command_path"] == ["/opt/my env/starbridge"]


def test_any_place_of_the_command_is_kept(fiji: FijiApp, monkeypatch: pytest.MonkeyPatch) -> None:
    place = '/odd "env" é µ\'s/starbridge'
    monkeypatch.setattr("shutil.which", lambda name, path=None: place)

    text = (install(fiji).folder / "starbridge_segment.ijm").read_text("utf-8")

    assert text.isascii()
    assert [s.default for s in macro_settings(text) if s.name == "command_path"] == [place]
