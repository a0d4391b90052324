"""The settings of ``train``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from ankle_predictor.model.feature_family import family_called
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.offline.live_run import LiveSettings


@dataclass(frozen=True)
class TrainSettings:
    """The settings of ``train``.

    Attributes:
        epochs: passes over the examples.
        stride: pairs between two windows.
        seed: of all random numbers.
        side: the leg that was recorded.
        horizon: steps to forecast.
        features: label of the family of input features.
        augment: whether walks are varied; only possible for features of the segment family.
        memory: whether the model learns from the wearer; only possible for features with an ankle angle.
        labels: what a recording is learned from: its encoder, or where it has none, the IMUs' own later angle.
        simulated: simulated people of each kind of movement to learn from beside the recordings.
        leg: the leg in a rosbag2 with several legs, by its namespace; empty for the only one.
        worn: what the nodes' parameters say about the leg; its side is not used.
    """

    epochs: int = 6
    stride: int = 10
    seed: int = 0
    side: Literal["left", "right"] = "right"
    horizon: int = 50
    features: str = "segment"
    augment: bool = True
    memory: bool = True
    labels: Literal["encoder", "imu"] = "encoder"
    simulated: int = 0
    leg: str = ""
    worn: LiveSettings = field(default_factory=LiveSettings)

    @property
    def spec(self) -> FeatureSpec:
        """Features and size of the windows."""
        spec = family_called(self.features).spec
        return spec if self.worn.filter is None else replace(spec, filter=self.worn.filter)

    @property
    def is_varied(self) -> bool:
        """Whether windows are varied anew for each epoch."""
        return self.augment and self.spec.names == SEGMENT_FEATURES
