"""Draw meshes without OpenGL: a turntable of views as one picture."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False, disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from bridge.files.compiled import compiled
from bridge.volumes.meshes.files import mesh_color
from bridge.volumes.meshes.mesh import Mesh

_SIDE = 320  # pixels of a view
_OVERSAMPLING = 2
_COLUMNS, _ROWS = 4, 2
_TILT = 25.0  # degrees from which the camera looks down
_MARGIN = 1.06
_KEY = np.array([-0.45, -0.65, 0.75])  # lights, from the camera: x right, y down, z towards it
_FILL = np.array([0.8, 0.1, 0.35])
_AMBIENT, _KEY_PART, _FILL_PART, _GLOSS = 0.26, 0.62, 0.22, 0.18
_PAPER = 255


def draw_turntable(meshes: Sequence[Mesh]) -> bytes:
    """Return a PNG of eight views, 45° apart, around the axis that z is in the image.

    The image's first slice is on top, and in the first view x runs to the right: as a stack lies on
    the microscope's table.

    Args:
        meshes: what to draw, each in the colour of its class or one of its own.
    """
    points, normals, faces, colors = _scene(meshes)
    sheet = np.full((_ROWS * _SIDE, _COLUMNS * _SIDE, 3), _PAPER, np.uint8)
    if len(faces):
        middle = (points.min(0) + points.max(0)) / 2
        points = points - middle
        radius = float(np.sqrt((points**2).sum(1).max())) or 1.0
        for view in range(_COLUMNS * _ROWS):
            turn = _rotation(2 * np.pi * view / (_COLUMNS * _ROWS))
            tile = _draw(points @ turn.T, normals @ turn.T, faces, colors, radius)
            row, column = divmod(view, _COLUMNS)
            sheet[row * _SIDE : (row + 1) * _SIDE, column * _SIDE : (column + 1) * _SIDE] = tile
    buffer = BytesIO()
    Picture.fromarray(sheet).save(buffer, "png")
    return buffer.getvalue()


def _scene(
    meshes: Sequence[Mesh],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32], NDArray[np.float32]]:
    """Return positions and normals (x, y, z), faces, and the colour of each face."""
    points, normals, faces, colors = [np.zeros((0, 3))], [np.zeros((0, 3))], [], []
    first = 0
    for number, mesh in enumerate(meshes):
        drawn = mesh.ordered("xyz")
        points.append(drawn.vertices.astype(np.float64))
        normals.append(drawn.vertex_normals.astype(np.float64))
        faces.append(drawn.faces + np.int32(first))
        text = mesh_color(mesh, number)
        color = np.array([int(text[at : at + 2], 16) for at in (1, 3, 5)], np.float32) / 255
        if len(meshes) == 1 and mesh.class_name is None:
            color = np.array([0.66, 0.72, 0.80], np.float32)
        colors.append(np.broadcast_to(color, (len(drawn.faces), 3)))
        first += len(drawn.vertices)
    all_faces = np.concatenate([np.zeros((0, 3), np.int32), *faces])
    all_colors = np.concatenate([np.zeros((0, 3), np.float32), *colors])
    return np.concatenate(points), np.concatenate(normals), all_faces, all_colors


def _rotation(angle: float) -> NDArray[np.float64]:
    """Return the turn from (x, y, z) of the image to the camera's right, down and towards."""
    spin = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    # Lying on a table: x to the right, z down, y towards the camera.
    lying = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]], float)
    tilt = np.radians(_TILT)
    down = np.array(
        [
            [1, 0, 0],
            [0, np.cos(tilt), np.sin(tilt)],
            [0, -np.sin(tilt), np.cos(tilt)],
        ]
    )
    turn: NDArray[np.float64] = down @ lying @ spin
    return turn


def _draw(
    points: NDArray[np.float64],
    normals: NDArray[np.float64],
    faces: NDArray[np.int32],
    colors: NDArray[np.float32],
    radius: float,
) -> NDArray[np.uint8]:
    size = _SIDE * _OVERSAMPLING
    scale = size / (2 * radius * _MARGIN)
    screen = points.copy()
    screen *= scale
    screen[:, :2] += size / 2
    depth = np.full((size, size), -np.inf, np.float32)
    picture = np.full((size, size, 3), _PAPER / 255, np.float32)
    lights = np.array([_KEY / np.linalg.norm(_KEY), _FILL / np.linalg.norm(_FILL)])
    _rasterize(screen, normals, faces, colors, lights, depth, picture)
    blocks = picture.reshape(_SIDE, _OVERSAMPLING, _SIDE, _OVERSAMPLING, 3)
    tile: NDArray[np.uint8] = (np.clip(blocks.mean((1, 3)), 0, 1) * 255 + 0.5).astype(np.uint8)
    return tile


@compiled(nogil=True)
def _rasterize(
    points: Any, normals: Any, faces: Any, colors: Any, lights: Any, depth: Any, picture: Any
) -> None:
    """Draw triangles by their nearest points (z-buffer), lit by interpolated normals (Phong)."""
    height, width = depth.shape
    for face in range(len(faces)):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        ax, ay, bx, by = points[i, 0], points[i, 1], points[j, 0], points[j, 1]
        cx, cy = points[k, 0], points[k, 1]
        twice = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if twice == 0:
            continue
        low_x = max(0, int(np.ceil(min(ax, bx, cx) - 0.5)))
        high_x = min(width - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
        low_y = max(0, int(np.ceil(min(ay, by, cy) - 0.5)))
        high_y = min(height - 1, int(np.floor(max(ay, by, cy) - 0.5)))
        for y in range(low_y, high_y + 1):
            for x in range(low_x, high_x + 1):
                px, py = x + 0.5, y + 0.5
                u = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / twice
                v = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / twice
                w = 1 - u - v
                if u < 0 or v < 0 or w < 0:
                    continue
                z = u * points[i, 2] + v * points[j, 2] + w * points[k, 2]
                if z <= depth[y, x]:
                    continue
                depth[y, x] = z
                nx = u * normals[i, 0] + v * normals[j, 0] + w * normals[k, 0]
                ny = u * normals[i, 1] + v * normals[j, 1] + w * normals[k, 1]
                nz = u * normals[i, 2] + v * normals[j, 2] + w * normals[k, 2]
                length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
                if nz < 0:  # the inner side of an open surface
                    length = -length
                nx, ny, nz = nx / length, ny / length, nz / length
                key = max(0.0, nx * lights[0, 0] + ny * lights[0, 1] + nz * lights[0, 2])
                fill = max(0.0, nx * lights[1, 0] + ny * lights[1, 1] + nz * lights[1, 2])
                # Blinn's highlight: half-way between the light and the camera
                hz = lights[0, 2] + 1
                norm = np.sqrt(lights[0, 0] ** 2 + lights[0, 1] ** 2 + hz * hz)
                half = (nx * lights[0, 0] + ny * lights[0, 1] + nz * hz) / norm
                gloss = _GLOSS * max(0.0, half) ** 40
                light = _AMBIENT + _KEY_PART * key + _FILL_PART * fill
                for c in range(3):
                    picture[y, x, c] = light * colors[face, c] + gloss
