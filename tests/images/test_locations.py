"""Images at URLs are read like files, and a URL that does not work is one line."""

from __future__ import annotations

import importlib.util
import os
import pickle
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from bridge.errors import BadInputError, MissingPartError
from bridge.images import find_images, image_name, open_image
from bridge.images.locations import RemotePath, identity, locate

fsspec = pytest.importorskip("fsspec")

from tests.images.ranged import RangedFileSystem, Server, serving  # noqa: E402 - needs fsspec

fsspec.register_implementation("ranged", RangedFileSystem, clobber=True)

PLANES = np.arange(2 * 3 * 20 * 24, dtype=np.uint16).reshape(2, 3, 20, 24)  # CZYX


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as server:
        yield server


@pytest.fixture
def memory() -> Iterator[Any]:
    """A file system of fsspec that is in memory."""
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    yield filesystem
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


def write(path: Path, kind: str) -> str:
    """Write the planes in a format.

    Returns:
        The file's name.
    """
    name = {"HDF5": "a.h5", "OME-Zarr": "a.ome.zarr"}.get(kind, "a.tif")
    axes = {"axes": "CZYX"}
    match kind:
        case "OME-TIFF":
            tifffile.imwrite(path / name, PLANES, ome=True, metadata=axes)
        case "ImageJ TIFF":
            zcyx = PLANES.transpose(1, 0, 2, 3)
            tifffile.imwrite(path / name, zcyx, imagej=True, metadata={"axes": "ZCYX"})
        case "compressed TIFF":
            tifffile.imwrite(
                path / name, PLANES, ome=True, metadata=axes, compression="zlib", tile=(16, 16)
            )
        case "TIFF with channels last":
            last = np.ascontiguousarray(np.moveaxis(PLANES, 0, -1))
            tifffile.imwrite(
                path / name,
                last,
                ome=True,
                metadata={"axes": "ZYXS"},
                photometric="minisblack",
                planarconfig="contig",
            )
        case "HDF5":
            with h5py.File(path / name, "w") as file:
                data = file.create_dataset("image", data=PLANES, chunks=(1, 1, 8, 8))
                for dimension, letter in zip(data.dims, "czyx", strict=True):
                    dimension.label = letter
        case "OME-Zarr":
            group = zarr.open_group(path / name, mode="w", zarr_format=2)
            group.create_array("0", data=PLANES, chunks=(1, 1, 8, 8))
            described = [{"name": letter} for letter in "czyx"]
            group.attrs["multiscales"] = [{"axes": described, "datasets": [{"path": "0"}]}]
    return name


@pytest.mark.parametrize("place", ["memory", "ranged", "simplecache", "zip"])
@pytest.mark.parametrize(
    "kind",
    [
        "OME-TIFF",
        "ImageJ TIFF",
        "compressed TIFF",
        "TIFF with channels last",
        "HDF5",
        "OME-Zarr",
    ],
)
def test_every_format_is_read_from_every_place(
    kind: str, place: str, server: Server, memory: Any, tmp_path: Path
) -> None:
    name = write(server.folder, kind)
    url = {
        "memory": f"memory://data/{name}",
        "ranged": server.url(name),
        "simplecache": f"simplecache::{server.url(name)}",
        "zip": f"zip://{name}::file://{tmp_path}/all.zip",
    }[place]
    if place == "memory":
        memory.put(str(server.folder / name), f"/data/{name}", recursive=True)
    if place == "zip":
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            for path in server.folder.rglob("*"):
                archive.write(path, path.relative_to(server.folder))
    if place == "simplecache" and kind == "OME-Zarr":
        pytest.skip("a cache of whole files is not for folders")

    with open_image(url) as image:
        assert image.name == "a"
        assert image.info.path == str(image.path)
        for c, z in ((0, 0), (1, 2)):
            np.testing.assert_array_equal(image.plane(c, z=z), PLANES[c, z])


def test_an_archive_of_a_zarr_is_read_at_a_url_chunk_by_chunk(server: Server) -> None:
    planes = np.random.default_rng(1).integers(0, 9999, (4, 2000, 2000)).astype(np.uint16)
    group = zarr.open_group(server.folder / "a.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=planes, chunks=(1, 500, 500))
    described = [{"name": letter} for letter in "cyx"]
    group.attrs["multiscales"] = [{"axes": described, "datasets": [{"path": "0"}]}]
    archive = server.folder / "b.zarr.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted((server.folder / "a.zarr").rglob("*")):
            packed.write(path, path.relative_to(server.folder / "a.zarr"))

    with open_image(server.url("b.zarr.zip")) as image:
        assert (image.name, image.axes) == ("b", "CYX")
        np.testing.assert_array_equal(image.plane(2), planes[2])
    assert server.sent < archive.stat().st_size // 2

    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(BadInputError, match=r"ranged://.*b.zarr.zip: is no readable ZIP archive"):
        open_image(server.url("b.zarr.zip"))


def test_an_archive_at_a_url_is_read_in_other_processes(server: Server) -> None:
    name = write(server.folder, "OME-Zarr")
    with zipfile.ZipFile(server.folder / "a.zarr.zip", "w") as packed:
        for path in (server.folder / name).rglob("*"):
            packed.write(path, path.relative_to(server.folder))
    place = pickle.loads(pickle.dumps(locate(server.url("a.zarr.zip"))))  # noqa: S301

    with open_image(place) as image:
        np.testing.assert_array_equal(image.plane(1, z=2), PLANES[1, 2])


def test_what_is_in_an_archive_at_a_url_is_not_named_by_its_address(server: Server) -> None:
    write(server.folder, "OME-Zarr")
    (server.folder / "a.zarr.zip").write_bytes(b"")

    with pytest.raises(BadInputError, match="a.zarr.zip/labels/nuclei: does not exist"):
        open_image(server.url("a.zarr.zip/labels/nuclei"))


def test_only_what_is_read_is_fetched(server: Server) -> None:
    planes = np.random.default_rng(1).integers(0, 9999, (4, 2000, 2000)).astype(np.uint16)
    tifffile.imwrite(server.folder / "a.tif", planes, imagej=True, metadata={"axes": "CYX"})

    with open_image(server.url("a.tif")) as image:
        opened = server.sent
        np.testing.assert_array_equal(image.plane(2), planes[2])

    assert opened < 0.6 * planes[0].nbytes
    assert server.sent - opened < 1.1 * planes[0].nbytes


def test_file_urls_are_plain_files(tmp_path: Path) -> None:
    path = tmp_path / "day 1 50%.tif"

    assert locate(path.as_uri()) == path
    assert locate(f"file://localhost{tmp_path}/a%20b.tif") == tmp_path / "a b.tif"
    with pytest.raises(BadInputError, match="names another machine; write file:///"):
        locate("file://elsewhere/a.tif")


@pytest.mark.parametrize("text", ["a.tif", "/data/a.tif", "C:/a.tif", "C:a.tif", "./s3:/a", "a::b"])
def test_paths_stay_paths(text: str) -> None:
    assert locate(text) == Path(text)


def test_a_url_without_fsspec_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)

    with pytest.raises(MissingPartError, match=r'fsspec .* pip install "starbridge\[cluster\]"'):
        locate("s3://bucket/a.tif")


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("s3://bucket/a.tif", "s3fs"),
        ("gs://bucket/a.tif", "gcsfs"),
        ("https://localhost/a.tif", "aiohttp"),
    ],
)
def test_a_missing_driver_is_named(url: str, package: str) -> None:
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed")

    with pytest.raises(BadInputError, match=rf"without a driver: .*{package}.*; install it with"):
        locate(url)


def test_an_unknown_protocol_is_said() -> None:
    with pytest.raises(BadInputError, match="is no address that can be read .*foo"):
        locate("foo://a/b.tif")


def test_secrets_of_a_url_are_not_shown() -> None:
    filesystem = fsspec.filesystem("memory")
    signed = RemotePath(filesystem, "https://me:secret@host/a b.tif?X-Signature=secret#x")

    assert str(signed) == "https://host/a b.tif"
    assert signed.name == "a b.tif"
    assert image_name(signed) == "a b"
    azure = RemotePath(filesystem, "abfs://container@account.dfs.core.windows.net/a.tif")
    assert str(azure) == "abfs://container@account.dfs.core.windows.net/a.tif"


def test_a_url_goes_to_other_processes(server: Server) -> None:
    write(server.folder, "OME-TIFF")
    place = locate(server.url("a.tif"))

    arrived = pickle.loads(pickle.dumps(place))  # noqa: S301

    assert arrived == place
    assert hash(arrived) == hash(place)
    with open_image(arrived) as image:
        assert image.shape == PLANES.shape


def test_a_folder_gives_its_images_in_natural_order(server: Server) -> None:
    for name in ("s10.tif", "s2.tif", "notes.txt", ".hidden.tif"):
        (server.folder / name).touch()
    write(server.folder, "OME-Zarr")
    (server.folder / "deeper").mkdir()

    for url in (server.url(""), server.url("").rstrip("/")):
        assert [path.name for path in find_images([url])] == ["a.ome.zarr", "s2.tif", "s10.tif"]


def test_a_star_stands_for_any_text(memory: Any) -> None:
    for name in ("s10.tif", "s2.tif", "t1.tif"):
        memory.pipe(f"/data/{name}", b"")

    found = find_images(["memory://data/s*.tif"])

    assert [str(path) for path in found] == ["memory:///data/s2.tif", "memory:///data/s10.tif"]
    with pytest.raises(BadInputError, match=r"u\*\.tif: fits no image"):
        find_images(["memory://data/u*.tif"])


def test_what_is_not_there_is_said(server: Server) -> None:
    for use in (open_image, lambda url: find_images([url])):
        with pytest.raises(BadInputError, match=r"^ranged://.*/no\.tif: does not exist; check the"):
            use(server.url("no.tif"))
    (server.folder / "empty").mkdir()
    with pytest.raises(BadInputError, match="is a folder without images"):
        find_images([server.url("empty")])


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(BadInputError, match="cannot be reached .*; check the address, your access"):
        open_image("ranged://127.0.0.1:1/a.tif")


@pytest.mark.parametrize("kind", ["OME-TIFF", "compressed TIFF", "OME-Zarr"])
def test_a_network_that_fails_is_not_taken_for_a_damaged_file(kind: str, server: Server) -> None:
    rng = np.random.default_rng(1)
    planes = rng.integers(0, 9999, (4, 1500, 1500)).astype(np.uint16)
    name = write(server.folder, kind)
    if kind != "OME-Zarr":
        compression = "zlib" if kind.startswith("compressed") else None
        tifffile.imwrite(
            server.folder / name,
            planes,
            ome=True,
            metadata={"axes": "CYX"},
            compression=compression,
        )

    with open_image(server.url(name)) as image:
        server.broken = True
        with pytest.raises(BadInputError, match="cannot be reached|the network failed"):
            image.plane(3 if kind != "OME-Zarr" else 1)


def test_a_server_that_gives_whole_files_only_is_answered_with_a_way_round(memory: Any) -> None:
    class Stream:
        def seek(self, *_: int) -> int:
            raise ValueError("Cannot seek streaming HTTP file")

        def close(self) -> None:
            pass

    place = RemotePath(memory, "/data/a.tif")
    memory.open = lambda *_, **__: Stream()
    try:
        with pytest.raises(BadInputError, match=r"fetched first: simplecache::memory:///data/a\.t"):
            place.open()
    finally:
        del memory.open


def test_a_set_of_files_leads_to_no_file_of_this_machine(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A description that names other files must not make them be read from the current folder."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    uuid = "urn:uuid:00000000-0000-4000-8000-00000000000"
    planes = "".join(
        f'<TiffData FirstC="{c}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="p{c}.ome.tif">{uuid}{c}</UUID></TiffData>'
        for c in (0, 1)
    )
    for c in (0, 1):
        xml = (
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="{uuid}{c}"><Image ID="Image:0"><Pixels ID="Pixels:0" Type="uint16" '
            'DimensionOrder="XYZCT" SizeX="24" SizeY="20" SizeZ="1" SizeC="2" SizeT="1">'
            f"{planes}</Pixels></Image></OME>"
        )
        folder = server.folder if c == 0 else here
        tifffile.imwrite(folder / f"p{c}.ome.tif", PLANES[c, 0], description=xml, metadata=None)

    with pytest.raises(BadInputError, match="is one of a set of files, .*; copy all files of the"):
        open_image(server.url("p0.ome.tif"))
    shutil.move(here / "p1.ome.tif", server.folder)
    with pytest.raises(BadInputError, match="is one of a set of files"):
        open_image(server.url("p0.ome.tif"))


def test_hdf5_data_in_another_file_are_not_looked_for_here(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secret.raw").write_bytes(bytes(20 * 24))
    with h5py.File(server.folder / "a.h5", "w") as file:
        external = [("secret.raw", 0, 20 * 24)]
        file.create_dataset("image", (20, 24), "u1", external=external)

    with pytest.raises(BadInputError, match="keeps its 'image' in another file"):
        open_image(server.url("a.h5"))


def test_a_changed_image_has_another_identity(server: Server) -> None:
    path = server.folder / "a.tif"
    path.write_bytes(b"12")
    place = locate(server.url("a.tif"))
    before = identity(place)

    assert before == identity(locate(server.url("a.tif")))
    assert (before["source"], before["bytes"]) == (server.url("a.tif"), 2)
    os.utime(path, (1, 1))
    assert identity(place) != before


def test_the_identity_of_a_file_is_its_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    assert identity(path) == {}
    path.write_bytes(b"123")

    assert identity(path) == {"bytes": 3, "modified": path.stat().st_mtime_ns}
