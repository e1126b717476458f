"""StarDist's 3D network in TensorFlow: the only engine of volumes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from bridge.model.keras_network import read_network
from bridge.segment.engines.keras import KerasNetwork
from bridge.segment.engines.receptive_field import ReceptiveField

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.model.folder import ModelFolder
    from bridge.segment.engines.base import Prediction


class KerasVolumeEngine:
    """A StarDist 3D model in TensorFlow.

    Args:
        model: the model folder.

    Raises:
        MissingPartError: TensorFlow or StarDist is not installed.
        BadInputError: weights that are damaged or belong to another architecture.
    """

    name = "keras"

    def __init__(self, model: ModelFolder) -> None:
        self._folder = model
        self._network = KerasNetwork(model)
        self.device = self._network.device
        self.versions = self._network.versions

    @property
    def rays(self) -> Any:
        """Directions of the rays, a ``stardist.rays3d.Rays_Base``."""
        from stardist.rays3d import rays_from_json

        return rays_from_json(self._network.stardist.config.rays_json)

    @property
    def divisor(self) -> tuple[int, int, int]:
        """Sizes of a tile, and where it begins, are multiples of these: pooling and grid."""
        z, y, x = self._network.stardist._axes_div_by("ZYX")
        return int(z), int(y), int(x)

    @cached_property
    def halo(self) -> tuple[int, int, int]:
        """Receptive field of a prediction (z, y, x), whatever the weights.

        Raises:
            BadInputError: a network of other layers than StarDist's own.
        """
        network = read_network(self._network.stardist.keras_model, str(self._folder.path))
        z, y, x = (ReceptiveField(network, axis).reach() for axis in range(3))
        return z, y, x

    @property
    def bytes_per_voxel(self) -> float:
        """Memory of a voxel of a tile, above what ``python -m benchmarks.volume_memory`` finds.

        StarDist's own U-Net takes 386 bytes with a grid of (1, 2, 2) and 924 without, of 16 filters
        268; this gives 480, 1,156 and 352. A ResNet takes 88 and 648.
        """
        config = self._folder.config
        base = float(config.get("unet_n_filter_base", config.get("resnet_n_filter_base", 32)))
        head = float(config.get("net_conv_after_unet", config.get("net_conv_after_resnet", 128)))
        z, y, x = self._folder.grid
        return 4.0 * (2 * base + (head + self._folder.n_rays + 1) / (z * y * x))

    def predict(self, tile: NDArray[Any]) -> Prediction:
        """Run the network on one (z, y, x, channels) float32 tile, normalised.

        Raises:
            BadInputError: out of memory, or a forked process.
        """
        return self._network.predict(tile)
