"""Settings of a training."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from bridge.errors import BadInputError
from bridge.training.learning.augment import Augmentation
from bridge.training.learning.precision import Precision, choose_precision


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Settings by which a network is trained.

    Attributes:
        steps: batches to learn from.
        batch_size: patches a batch.
        patch: height and width of a patch in pixels; ``None``: chosen for the network.
        learning_rate: highest learning rate; it rises to it and falls to a hundredth of it.
        validate_every: steps between two validations; ``None``: a tenth of the steps, at most 500.
        patience: validations without improvement, in the second half of the steps, after which the
            training ends.
        rehearse: part of the patches that come from the old domain, 0 to 1.
        may_lose: how much F1 the old domain may lose, 0 to 1.
        augmentation: how patches are changed.
        precision: of the network's products, see :mod:`bridge.training.learning.precision`.
        seed: of all that is drawn.

    Raises:
        BadInputError: a number out of its range.
    """

    steps: int = 300
    batch_size: int = 4
    patch: int | None = None
    learning_rate: float = 5e-4
    validate_every: int | None = None
    patience: int = 6
    rehearse: float = 0.5
    may_lose: float = 0.02
    augmentation: Augmentation = field(default_factory=Augmentation)
    precision: Precision = "auto"
    seed: int = 1

    def __post_init__(self) -> None:
        for name, value in (
            ("--steps", self.steps),
            ("--batch-size", self.batch_size),
            ("--patch", self.patch),
            ("--validate-every", self.validate_every),
            ("--patience", self.patience),
        ):
            if value is not None and value < 1:
                raise BadInputError(name, f"{value} is too small", "give a number of at least 1")
        if not 0 < self.learning_rate < 1:
            raise BadInputError("--learning-rate", f"{self.learning_rate:g} is none", "try 0.0003")
        for name, share in (("--rehearse", self.rehearse), ("--may-lose", self.may_lose)):
            if not 0 <= share < 1:
                raise BadInputError(
                    name, f"{share:g} is no part", "give a number from 0 to below 1"
                )

        choose_precision(self.precision)  # raises an error for an unknown word

    @property
    def interval(self) -> int:
        """Steps between two validations."""
        return self.validate_every or max(min(self.steps // 10, 500), 1)

    def as_stardist(self, patch: int) -> dict[str, Any]:
        """Return what StarDist's ``config.json`` says of a training.

        Args:
            patch: height and width of a patch in pixels.

        >>> TrainingSettings(steps=1000).as_stardist(160)["train_epochs"]
        10
        """
        return {
            "train_patch_size": [patch, patch],
            "train_batch_size": self.batch_size,
            "train_learning_rate": self.learning_rate,
            "train_steps_per_epoch": self.interval,
            "train_epochs": -(-self.steps // self.interval),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the settings by name."""
        return asdict(self)
