"""Models by zip, bioimage.io package, name, URL and shared folder, opened as a folder is."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import BadInputError
from bridge.model import published, unpack
from bridge.model.folder import ModelFolder, demo_model_folder, open_model
from bridge.model.provenance import Provenance
from bridge.model.source import fetch_address, name_of_file
from tests.model.serving import Answer, ModelServer
from tests.model.zips import FILES, model_files, pack, package_files, stardist_rdf, write_zip
from tests.waiting import PATIENCE, wait_until

DEMO = model_files()
SAME = open_model("demo").sha256
ZIP = pack(DEMO)


@pytest.fixture
def published_zip(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    """The server in place of the one that publishes 2D_versatile_he."""
    model = replace(published.PUBLISHED[1], sha256=hashlib.sha256(ZIP).hexdigest())
    monkeypatch.setattr(published, "PUBLISHED", (model,))
    monkeypatch.setattr(published, "_RELEASE", server.url("/v0.1/"))
    server.answers["/v0.1/python_2D_versatile_he.zip"] = Answer(ZIP)
    return server


def unfinished(cache: Path) -> list[Path]:
    return list(cache.rglob(".unfinished*"))


def check_opened(model: ModelFolder, name: str, cache: Path) -> None:
    """Check that it is the demo model, unpacked, and that its origin leads to it again."""
    assert (model.name, model.sha256) == (name, SAME)
    assert model.path.is_relative_to(cache)
    again = open_model(model.origin)
    assert replace(again, notes=()) == replace(model, notes=())
    assert unfinished(cache) == []


# ---- zips


@pytest.mark.parametrize("folder", ["", "2D_demo/", "__my model/"])
@pytest.mark.parametrize("name", ["my_model.zip", "python_my_model.zip", "my_model"])
def test_a_zip_is_opened_as_its_folder(
    model_cache: Path, tmp_path: Path, folder: str, name: str
) -> None:
    junk = {f"__MACOSX/{folder}._{f}": b"junk" for f in FILES} | {f"{folder}.DS_Store": b"junk"}
    files = {f"{folder}{f}": content for f, content in DEMO.items()}
    path = write_zip(tmp_path / name, junk | files | {f"{folder}Thumbs.db": b"junk"})

    model = open_model(path)

    check_opened(model, "my_model", model_cache)
    assert sorted(p.name for p in model.path.iterdir()) == [
        *FILES[:1],
        "starbridge.json",
        *FILES[1:],
    ]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert model.provenance == Provenance("file", str(path), digest)
    assert model.to_json()["source"] == {"kind": "file", "given": str(path), "sha256": digest}


def test_a_built_in_recipe_applies_to_a_zip_of_that_name(model_cache: Path, tmp_path: Path) -> None:
    model = open_model(write_zip(tmp_path / "python_2D_versatile_he.zip", DEMO))

    assert model.recipe.normalize == "joint"
    assert model.sources["normalize"] == "built in for 2D_versatile_he"
    assert open_model(model.origin).recipe == model.recipe


def test_a_zip_is_unpacked_once(model_cache: Path, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "m.zip", DEMO)
    folder = open_model(path).path
    before = folder.stat().st_ino

    assert open_model(path).path == folder
    assert folder.stat().st_ino == before


@pytest.mark.parametrize("damage", ["changed", "removed", "half removed"])
def test_a_damaged_copy_in_the_cache_is_unpacked_again(
    model_cache: Path, tmp_path: Path, damage: str
) -> None:
    path = write_zip(tmp_path / "m.zip", DEMO)
    folder = open_model(path).path
    if damage == "changed":
        (folder / "weights_best.h5").write_bytes(DEMO["weights_best.h5"][:-1] + b"?")
    else:
        (folder / "weights_best.h5").unlink()
    if damage == "half removed":
        (folder / "starbridge.json").unlink()

    model = open_model(path)

    check_opened(model, "m", model_cache)
    assert model.notes == (f"{folder}: was damaged, and is unpacked again",)


def test_a_recipe_that_a_user_adds_to_the_unpacked_folder_stays(
    model_cache: Path, tmp_path: Path
) -> None:
    path = write_zip(tmp_path / "m.zip", DEMO)
    (open_model(path).path / "recipe.json").write_text('{"percentiles": [3, 97]}')

    assert open_model(path).recipe.percentiles == (3, 97)


def test_of_several_weights_the_newest_in_the_zip_is_used(
    model_cache: Path, tmp_path: Path
) -> None:
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in DEMO.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 5, 1, 0, 0, 0)), content)
        older = zipfile.ZipInfo("best_weights.h5", (2020, 5, 1, 0, 0, 0))
        archive.writestr(older, DEMO["weights_best.h5"])

    assert open_model(path).weights.name == "weights_best.h5"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config.json": b"{ broken"}, "holds a config.json that is not valid JSON"),
        ({"config.json": b"{}"}, "holds a config.json that is not a StarDist configuration"),
        ({"thresholds.json": b"[]"}, "holds a thresholds.json that is JSON of another kind"),
        ({"weights_best.h5": b"no"}, "holds a weights_best.h5 that is not an HDF5 file"),
    ],
)
def test_a_damaged_model_in_a_zip_names_the_zip(
    model_cache: Path, tmp_path: Path, changes: dict[str, bytes], message: str
) -> None:
    path = write_zip(tmp_path / "m.zip", DEMO | changes)

    with pytest.raises(BadInputError) as caught:
        open_model(path)

    assert str(caught.value).startswith(f"{path}: {message}")
    assert not list(model_cache.rglob("weights_best.h5"))
    assert unfinished(model_cache) == []


def test_a_zip_of_a_3d_model_is_refused_where_2d_is_needed(
    model_cache: Path, tmp_path: Path
) -> None:
    config = json.loads(DEMO["config.json"]) | {"n_dim": 3, "grid": [1, 2, 2]}
    path = write_zip(tmp_path / "m.zip", DEMO | {"config.json": json.dumps(config).encode()})

    assert open_model(path, allow_3d=True).n_dim == 3
    with pytest.raises(BadInputError, match=rf"{path}: describes a 3D model; give a 2D model"):
        open_model(path)


def test_a_zip_works_with_a_full_cache_that_is_read_only(
    model_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write_zip(tmp_path / "m.zip", DEMO)
    other = write_zip(tmp_path / "other.zip", DEMO | {"README.md": b""})
    open_model(path)
    monkeypatch.setattr(Path, "mkdir", refuse)

    assert open_model(path).sha256 == SAME
    with pytest.raises(BadInputError, match="set STARBRIDGE_CACHE to a folder that you may write"):
        open_model(other)


# ---- graphs, which others read


@pytest.mark.model
@pytest.mark.parametrize("target", ["pb", "onnx", "tf1.15", "bioimageio"])
def test_an_exported_model_is_opened_with_the_same_weights(
    model_cache: Path, tmp_path: Path, target: str
) -> None:
    from models_export import export

    done = export("demo", [target], out=tmp_path / "out", verify=False)
    path = Path(shutil.copy(done.files[0].path, tmp_path))  # without the record beside it

    model = open_model(path)

    assert model.name == name_of_file(path)
    assert model.path.is_relative_to(model_cache)
    assert replace(open_model(model.origin), notes=()) == replace(model, notes=())
    demo = open_model("demo")
    for key in ("n_rays", "grid", "unet_n_depth", "unet_n_filter_base", "n_channel_in"):
        assert model.config[key] == demo.config[key]
    if (model.path / "thresholds.json").exists():
        assert (model.recipe.prob, model.notes) == (demo.recipe.prob, ())
    else:
        assert "holds no thresholds, so StarDist's defaults are used" in model.notes[0]


@pytest.mark.model
@pytest.mark.parametrize("content", [b"\x08graph", pack({"saved_model.pb": b"graph"})])
def test_a_damaged_graph_leaves_nothing_in_the_cache(
    model_cache: Path, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / ("m.zip" if content.startswith(b"PK") else "m.pb")
    path.write_bytes(content)

    with pytest.raises(BadInputError, match=rf"{path}: "):
        open_model(path)

    assert not list(model_cache.glob("models/unpacked/*/*"))


def test_a_folder_with_a_graph_says_how_to_give_it(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")

    with pytest.raises(BadInputError, match="holds saved_model.pb and no config.json; zip the"):
        open_model(tmp_path)


# ---- bioimage.io


@pytest.mark.parametrize("packed", [True, False], ids=["zip", "folder"])
def test_a_package_of_stardist_is_opened(model_cache: Path, tmp_path: Path, packed: bool) -> None:
    files = package_files(stardist_rdf())
    path = tmp_path / ("fluo.zip" if packed else "fluo")
    write_zip(path, files)
    if not packed:
        path.unlink()
        for name, content in files.items():
            path.mkdir(exist_ok=True)
            (path / name).write_bytes(content)

    model = open_model(path)

    assert model.name == "fluo"
    assert model.config["n_rays"] == 32
    assert model.recipe.to_json() | {"percentiles": (2.0, 99.5), "prob": 0.61, "nms": 0.35} == (
        model.recipe.to_json()
    )
    assert model.recipe.normalize == "channels"
    for setting in ("percentiles", "prob", "nms", "normalize"):
        assert model.sources[setting] == "rdf.yaml"
    assert model.provenance is not None
    assert model.provenance.given == str(path)
    assert replace(open_model(model.origin)) == model
    assert sorted(p.name for p in model.path.iterdir()) == [
        "config.json", "rdf.yaml", "starbridge.json", "weights_best.h5",
    ]  # fmt: skip
    if not packed:
        assert open_model(path / "rdf.yaml") == model


def test_a_package_of_spec_0_5_with_joint_channels_is_opened(
    model_cache: Path, tmp_path: Path
) -> None:
    step = {"id": "scale_range", "kwargs": {"axes": ["channel", "y", "x"], "max_percentile": 99.8}}
    rdf = stardist_rdf(
        format_version="0.5.4",
        inputs=[{"id": "raw", "preprocessing": [step]}],
        weights={"keras_hdf5": {"source": "stardist_weights.h5"}},
    )
    del rdf["config"]["stardist"]["weights"]

    recipe = open_model(write_zip(tmp_path / "he.zip", package_files(rdf))).recipe

    assert (recipe.percentiles, recipe.normalize) == ((0.0, 99.8), "joint")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"config": {}, "weights": {"pytorch_state_dict": {}}},
            "is a bioimage.io package of another program than StarDist",
        ),
        ({"weights": {"pytorch_state_dict": {}}}, "without Keras weights (it has pytorch_state_"),
        ({"weights": None}, "without Keras weights (it has no format at all)"),
    ],
)
def test_a_package_that_cannot_be_read_says_what_it_has(
    model_cache: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    files = package_files(stardist_rdf(**changes))
    if "weights" in changes:
        del files["stardist_weights.h5"]
    path = write_zip(tmp_path / "p.zip", files)

    with pytest.raises(BadInputError) as caught:
        open_model(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_an_unpacked_package_with_a_graph_only_is_to_be_zipped(tmp_path: Path) -> None:
    (tmp_path / "rdf.yaml").write_text(json.dumps(stardist_rdf()))

    with pytest.raises(BadInputError, match="without Keras weights; zip the folder's content"):
        open_model(tmp_path)


def test_a_package_with_a_graph_only_goes_to_the_reader_of_graphs(
    model_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = package_files(stardist_rdf())
    del files["stardist_weights.h5"]
    asked: list[Path] = []
    monkeypatch.setattr("bridge.model.unpack._import_graph", lambda path, *_: asked.append(path))

    unpack.open_file(write_zip(tmp_path / "p.zip", files), "p", "file", "p.zip")

    assert asked == [tmp_path / "p.zip"]


# ---- names


@pytest.mark.parametrize("asked", ["2D_versatile_he", "Versatile (H&E nuclei)"])
def test_a_published_model_is_downloaded_once(
    published_zip: ModelServer, model_cache: Path, asked: str
) -> None:
    model = open_model(asked)

    check_opened(model, "2D_versatile_he", model_cache)
    assert model.sources["normalize"] == "built in for 2D_versatile_he"
    assert model.provenance is not None
    assert model.to_json()["source"] == {
        "kind": "name",
        "given": "2D_versatile_he",
        "sha256": hashlib.sha256(ZIP).hexdigest(),
        "address": published_zip.url("/v0.1/python_2D_versatile_he.zip"),
    }
    published_zip.shutdown()
    published_zip.server_close()
    assert open_model(asked) == model
    assert published_zip.asked == ["/v0.1/python_2D_versatile_he.zip"]


@pytest.mark.parametrize(
    "name",
    ["python_2D_versatile_he.zip", "2D_versatile_he.zip", "python_2D_versatile_he (1).zip"],
)
def test_without_a_network_the_file_can_be_put_there_by_hand(
    published_zip: ModelServer, model_cache: Path, tmp_path: Path, name: str
) -> None:
    published_zip.shutdown()
    published_zip.server_close()
    with pytest.raises(BadInputError) as caught:
        open_model("2D_versatile_he")

    folder = model_cache / "models"
    assert str(caught.value) == (
        f"{published_zip.url('/v0.1/python_2D_versatile_he.zip')}: cannot be reached (no network?);"
        f" download it in a browser, and put the file into {folder}"
    )
    (folder / name).write_bytes(ZIP[:-1])
    with pytest.raises(BadInputError) as caught:
        open_model("2D_versatile_he")
    assert str(caught.value).endswith(f"({name}, which is there, is another file or damaged)")
    (folder / name).write_bytes(ZIP)
    check_opened(open_model("2D_versatile_he"), "2D_versatile_he", model_cache)


def test_a_browser_may_unpack_what_is_put_there_by_hand(
    published_zip: ModelServer, model_cache: Path
) -> None:
    folder = model_cache / "models" / "python_2D_versatile_he"
    shutil.copytree(demo_model_folder(), folder)

    model = open_model("2D_versatile_he")

    assert (model.name, model.path) == ("2D_versatile_he", folder)
    assert published_zip.asked == []


def test_a_damaged_file_in_the_cache_is_downloaded_again(
    published_zip: ModelServer, model_cache: Path
) -> None:
    path = model_cache / "models" / "python_2D_versatile_he.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(ZIP[:-1])

    assert open_model("2D_versatile_he").sha256 == SAME
    assert path.read_bytes() == ZIP


def test_a_folder_of_that_name_in_the_working_folder_comes_first(
    published_zip: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(demo_model_folder(), "2D_versatile_he")

    model = open_model("2D_versatile_he")

    own = tmp_path / "2D_versatile_he"
    assert model.origin == str(own)
    assert model.notes == (f"{own} is used, not the model 2D_versatile_he that StarDist publishes",)
    assert published_zip.asked == []


def test_nothing_is_downloaded_unless_it_may_be(published_zip: ModelServer) -> None:
    for model in ("2D_versatile_he", published_zip.url("/m.zip")):
        with pytest.raises(BadInputError, match="is not downloaded yet; starbridge models fetch"):
            open_model(model, fetch=False)
    assert published_zip.asked == []


@pytest.mark.slow
def test_two_processes_open_the_same_model(published_zip: ModelServer, model_cache: Path) -> None:
    """Both download, both unpack; both find the whole model."""
    code = (
        "from dataclasses import replace\n"
        "from bridge.model import published\n"
        f"published.PUBLISHED = ({published.PUBLISHED[0]!r},)\n"
        f"published._RELEASE = {published._RELEASE!r}\n"
        "from bridge.model.published import PublishedModel\n"
        "from bridge.model.folder import open_model\n"
        "print(open_model('2D_versatile_he').sha256)\n"
    ).replace("(PublishedModel(", "(published.PublishedModel(")
    published_zip.answers["/v0.1/python_2D_versatile_he.zip"].held = True
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    wait_until(
        lambda: published_zip.half_way == 2 or any(p.poll() is not None for p in processes), "both"
    )
    published_zip.released.set()

    assert [p.communicate(timeout=PATIENCE)[0] for p in processes] == [f"{SAME}\n"] * 2
    assert unfinished(model_cache) == []


# ---- a shared folder


@pytest.fixture
def lab(model_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models that a lab shares."""
    folder = tmp_path / "lab"
    folder.mkdir()
    monkeypatch.setenv("STARBRIDGE_MODELS", str(folder))
    return folder


@pytest.mark.parametrize("name", ["2D_versatile_he.zip", "python_2D_versatile_he.zip"])
def test_a_zip_in_the_shared_folder_comes_before_the_network(
    lab: Path, published_zip: ModelServer, model_cache: Path, name: str
) -> None:
    (lab / name).write_bytes(ZIP)

    check_opened(open_model("2D_versatile_he"), "2D_versatile_he", model_cache)
    assert [p.name for p in lab.iterdir()] == [name]
    assert published_zip.asked == []


def test_a_folder_in_the_shared_folder_is_used_where_it_is(
    lab: Path, published_zip: ModelServer, model_cache: Path
) -> None:
    shutil.copytree(demo_model_folder(), lab / "2D_versatile_he")

    model = open_model("2D_versatile_he")

    assert (model.path, model.name) == (lab / "2D_versatile_he", "2D_versatile_he")
    assert not model_cache.exists()


def test_another_file_under_a_published_name_is_used_with_a_note(
    lab: Path, published_zip: ModelServer
) -> None:
    write_zip(lab / "2D_versatile_he.zip", DEMO | {"README.md": b"ours"})

    model = open_model("2D_versatile_he")

    (note,) = model.notes
    assert "it is not the file of 2D_versatile_he that StarDist publishes" in note
    assert model.provenance is not None
    assert model.provenance.given == str(lab / "2D_versatile_he.zip")


def test_a_labs_own_models_have_names_too(lab: Path) -> None:
    write_zip(lab / "our_model.zip", DEMO)
    shutil.copytree(demo_model_folder(), lab / "our_other")

    assert open_model("our_model").name == "our_model"
    assert open_model("our_other").path == lab / "our_other"
    with pytest.raises(BadInputError, match=r"our_modle: does not exist; did you mean our_model\?"):
        open_model("our_modle")
    with pytest.raises(BadInputError, match="does not exist"):
        open_model("../lab/our_model")


def test_a_shared_folder_that_is_not_there_is_an_error(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARBRIDGE_MODELS", str(lab / "nowhere"))

    with pytest.raises(BadInputError, match="nowhere: is no folder, but STARBRIDGE_MODELS names"):
        open_model("2D_versatile_he")


# ---- URLs


def test_a_url_is_downloaded_once_and_its_hash_recorded(
    server: ModelServer, model_cache: Path
) -> None:
    server.answers["/python_m.zip"] = Answer(status=302, location=server.url("/store/1"))
    server.answers["/store/1"] = Answer(ZIP)
    url = server.url("/python_m.zip")

    model = open_model(f"{url}?token=secret")

    check_opened(model, "m", model_cache)
    assert model.provenance == Provenance("address", url, hashlib.sha256(ZIP).hexdigest())
    assert "secret" not in (model.path / "starbridge.json").read_text()
    server.answers.clear()
    assert open_model(f"{url}?token=secret") == model


def test_a_url_can_be_fetched_again(server: ModelServer, model_cache: Path) -> None:
    url = server.url("/m.zip")
    server.answers["/m.zip"] = Answer(ZIP)
    open_model(url)
    newer = pack(DEMO | {"thresholds.json": b'{"prob": 0.7, "nms": 0.1}'})
    server.answers["/m.zip"] = Answer(newer)

    assert open_model(url).recipe.prob != 0.7
    fetch_address(url, again=True)
    assert open_model(url).recipe.prob == 0.7


def test_what_is_fetched_again_replaces_a_model_only_by_a_model(
    server: ModelServer, model_cache: Path
) -> None:
    url = server.url("/m.zip")
    server.answers["/m.zip"] = Answer(ZIP)
    open_model(url)
    server.answers["/m.zip"] = Answer(b"<html>moved</html>")

    with pytest.raises(BadInputError, match="is a web page"):
        fetch_address(url, again=True)

    assert open_model(url).sha256 == SAME


def test_a_web_page_behind_a_url_is_not_kept(server: ModelServer, model_cache: Path) -> None:
    url = server.url("/m.zip")
    server.answers["/m.zip"] = Answer(b"<!doctype html><html>log in</html>")

    with pytest.raises(BadInputError, match=f"{url}: is a web page, not a model; copy the address"):
        open_model(url)

    server.answers["/m.zip"] = Answer(ZIP)
    assert open_model(url).sha256 == SAME


# ---- what is not there


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("2D_versatile_flou", "2D_versatile_flou: does not exist; did you mean 2D_versatile_fluo?"),
        ("models/2d_demo", "models/2d_demo: does not exist; did you mean 2D_demo?"),
        ("dmeo", "dmeo: does not exist; did you mean demo?"),
        ("~nobody here/model", "does not exist"),
        ("nowhere", "a zip of it, its URL, or one of fluo, 2D_versatile_fluo, 2D_versatile_he,"),
    ],
)
def test_a_model_that_is_not_there_is_guessed_at(
    model_cache: Path, model: str, message: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        open_model(model)

    assert message in str(caught.value)


def test_a_name_that_no_disk_takes_is_not_there(model_cache: Path) -> None:
    for name in ("x" * 5000, "a\0b"):
        with pytest.raises(BadInputError, match="does not exist; give the folder"):
            open_model(name)


def test_a_name_is_made_of_a_file() -> None:
    assert name_of_file(Path("a/python_2D_demo.zip")) == "2D_demo"
    assert name_of_file(Path("v1.2.zip")) == "v1.2"
    assert name_of_file(Path("v1.2")) == "v1.2"
    assert name_of_file(Path("python_.zip")) == "model"
