"""Draws docs/images/see_it.png from what the node visualizer publishes on a recorded walk, and measures what it costs.

Run: scripts/run python benchmarks/see_it.py --log LOG [--start 60] [--rate 1.0] [--output docs/images/see_it.png]

It also says how long after ``forecast_detail`` was sent a viewer has received what was drawn from it, by the
middleware's own times (ROS 2 Iron and later). ``--output ""`` draws nothing.

The nodes are real processes on a ROS domain of their own; this program only listens, as a viewer does. Nothing is drawn
that was not in a message. Needs tf2_msgs and sensor_msgs_py, which come with ROS 2 and not from PyPI. A busy computer
needs a ``--rate`` below 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import psutil
import rclpy
from ankle_predictor_interfaces.msg import AnkleForecast
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rclpy.qos import QoSProfile
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import JointState, PointCloud2
from sensor_msgs_py.point_cloud2 import read_points
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.nodes.child_process import NodesProcess, private_environment
from ankle_predictor.nodes.stamps import stamp_of
from ankle_predictor.nodes.topics import CLOUD_TOPIC, DETAIL_TOPIC, DUE_TOPIC, JOINT_TOPIC, MARKERS_TOPIC, TF_TOPIC
from ankle_predictor.performance.arrangements import main_of

INK = "#22303c"
KINDS = {
    TF_TOPIC: TFMessage,
    MARKERS_TOPIC: MarkerArray,
    CLOUD_TOPIC: PointCloud2,
    DUE_TOPIC: JointState,
    JOINT_TOPIC: JointState,
    DETAIL_TOPIC: AnkleForecast,
}
SENT, RECEIVED = "source_timestamp", "received_timestamp"
SPAN = 4.0  # s of curves
MOMENTS = (1.6, 1.9, 2.2, 2.5, 2.8)  # s after the start of the curves at which the leg is drawn
PATIENCE = 120.0  # s of waiting for a walk to come


class Heard(dict[str, list[Any]]):
    """The messages of each topic, and with ``times`` when each was sent and received, in ns of the system's clock."""

    def __init__(self) -> None:
        super().__init__({topic: [] for topic in KINDS})
        self.times: dict[str, dict[int, dict[str, int]]] = {topic: {} for topic in KINDS}

    def take(self, topic: str, message: Any, info: dict[str, int]) -> None:
        """Keep a message; the times only of those that show a forecast."""
        self[topic].append(message)
        if topic == TF_TOPIC:
            self.times[topic][stamp_of(message.transforms[0])] = info
        elif topic == MARKERS_TOPIC:
            if message.markers[0].action == Marker.ADD:
                self.times[topic][stamp_of(message.markers[0])] = info
        else:
            self.times[topic][stamp_of(message)] = info

    def latency(self, topic: str, since: int) -> str:
        """Say how long after the ``forecast_detail`` of its stamp a topic's messages came, from a stamp in ns on."""
        sent, came = self.times[DETAIL_TOPIC], self.times[topic]
        both = [stamp for stamp in sent.keys() & came.keys() if stamp >= since]
        if not both:
            return f"{topic}: nothing was drawn from a forecast"
        late = np.array([came[stamp][RECEIVED] - sent[stamp][SENT] for stamp in both]) / 1e6
        median, rare = np.percentile(late, [50, 99])
        return (
            f"{topic}: {len(both)} times {median:.1f} ms (median), {rare:.1f} ms (99 %), {late.max():.1f} ms (longest)"
        )


def listen(options: argparse.Namespace, folder: Path) -> tuple[Heard, str]:
    """Run the nodes until ``start`` plus ``SPAN`` s of the walk, and return the messages and what the node cost.

    Raises:
        Refusal: the nodes end, or nothing comes.
    """
    environment = private_environment(os.environ)
    os.environ.update(environment)
    parameters = {"source": "replay", "log": str(options.log), "rate": options.rate, "calibration_save": ""}
    got = Heard()
    rclpy.init()
    with (
        NodesProcess(
            {}, environment, folder / "viewer.log", main_of("ankle_predictor.nodes.visualizer_node")
        ) as viewer,
        NodesProcess(parameters, environment, folder / "nodes.log") as nodes,
    ):
        node = rclpy.create_node("listener")
        for topic, kind in KINDS.items():
            node.create_subscription(kind, topic, taker(got, topic), QoSProfile(depth=1000))
        heard = time.monotonic()
        while not walked(got) >= options.start + SPAN:
            count = len(got[JOINT_TOPIC])
            rclpy.spin_once(node, timeout_sec=0.1)
            heard = time.monotonic() if len(got[JOINT_TOPIC]) > count else heard
            if nodes.status is not None or viewer.status is not None or time.monotonic() - heard > PATIENCE:
                raise Refusal(f"no walk comes: {nodes.last_words()} {viewer.last_words()}")
        process = psutil.Process(viewer.pid)
        used, walk = sum(process.cpu_times()[:2]), walked(got)
        memory = process.memory_info().rss / 2**20
        cost = f"{used:.2f} s of CPU time, its start included, for {walk:.1f} s of the walk, and {memory:.0f} MiB"
        node.destroy_node()
    rclpy.shutdown()
    return got, cost


def taker(got: Heard, topic: str) -> Callable[[Any, dict[str, int]], None]:
    """Return a topic's callback; rclpy gives those with two arguments the middleware's times."""
    return lambda message, info: got.take(topic, message, info)


def walked(got: dict[str, list[Any]]) -> float:
    """Return the length in s of the walk that was received."""
    joints = got[JOINT_TOPIC]
    return (stamp_of(joints[-1]) - stamp_of(joints[0])) / 1e9 if joints else 0.0


def draw(got: dict[str, list[Any]], options: argparse.Namespace) -> None:
    """Write the picture: the leg at some moments, and the angle over what was forecast for it."""
    origin = stamp_of(got[JOINT_TOPIC][0]) + round(options.start * 1e9)
    poses = {stamp_of(m.transforms[0]): m for m in got[TF_TOPIC]}
    clouds = {stamp_of(m): m for m in got[CLOUD_TOPIC] if m.width}
    ghosts = {stamp_of(m.markers[0]): m for m in got[MARKERS_TOPIC] if m.markers[0].action == Marker.ADD}
    complete = np.array(sorted(set(poses) & set(clouds) & set(ghosts)))
    if not len(complete):
        counts = ", ".join(f"{len(messages)} of {topic}" for topic, messages in got.items())
        raise Refusal(f"nothing was drawn ({counts}); on a busy computer use a smaller --rate")
    figure = Figure(figsize=(12.8, 7.2), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.subfigures(2, 1, height_ratios=(1.1, 1.0))
    legs = rows[0].subplots(1, len(MOMENTS), sharey=True)
    for axes, moment in zip(legs, MOMENTS, strict=True):
        stamp = int(complete[np.argmin(np.abs(complete - origin - moment * 1e9))])
        draw_leg(axes, poses[stamp], ghosts[stamp], clouds[stamp])
        axes.set_title(f"{(stamp - origin) / 1e9:.2f} s", color=INK, fontsize=11)
    legs[0].set_ylabel("z (m)")
    draw_curves(rows[1].subplots(), got, origin)
    rows[0].suptitle(
        f"Messages of the node visualizer on {options.log.stem}, drawn with matplotlib (seen from the right)"
    )
    figure.savefig(options.output)


def draw_leg(axes: Axes, pose: TFMessage, ghosts: MarkerArray, cloud: PointCloud2) -> None:
    """Draw one moment in the fixed frame, x to the right and z up."""
    shank, foot = pose.transforms
    knee, turn = place_of(shank.transform.translation), turn_of(shank.transform.rotation)
    ankle = place_of(foot.transform.translation)

    def fixed(points: Any) -> Any:
        return turn.apply(np.atleast_2d(points)) + knee

    axes.plot(*fixed([np.zeros(3), ankle])[:, ::2].T, color=INK, linewidth=7, solid_capstyle="round")
    for marker in ghosts.markers:
        color = (marker.color.r, marker.color.g, marker.color.b)
        if marker.type == Marker.TRIANGLE_LIST:
            for corners in np.array([place_of(p) for p in marker.points]).reshape(-1, 3, 3):
                axes.fill(*fixed(corners)[:, ::2].T, color=color, alpha=marker.color.a, linewidth=0)
        elif marker.type == Marker.CUBE:
            sole = sole_of(marker, turn_of(marker.pose.orientation), place_of(marker.pose.position))
            axes.fill(*fixed(sole)[:, ::2].T, facecolor=(*color, marker.color.a), edgecolor=color)
            size, thickness = marker.scale.x, marker.scale.z
    foot_turn = turn_of(foot.transform.rotation)
    center = ankle + foot_turn.apply([size / 4, 0.0, -0.07])
    now = center + foot_turn.apply(rectangle(size, thickness))
    axes.fill(*fixed(now)[:, ::2].T, color=INK)
    axes.plot(*fixed([ankle, center])[:, ::2].T, color=INK, linewidth=4)
    points = read_points(cloud)
    path = fixed(np.stack([points["x"], points["y"], points["z"]], axis=1))
    axes.scatter(path[:, 0], path[:, 2], c=points["t"], cmap="turbo", s=6, zorder=3)
    axes.axhline(0.0, color="#7b8794", linewidth=1)
    axes.set(aspect="equal", xlim=(-0.4, 0.42), ylim=(-0.12, 0.54), xlabel="x (m)")


def draw_curves(axes: Axes, got: dict[str, list[Any]], origin: int) -> None:
    """Draw the angle over what was forecast for it 200 and 500 ms before."""
    curves = [("now", got[JOINT_TOPIC], 0, INK, 2.0)]
    curves += [("forecast 200 ms before", got[DUE_TOPIC], 0, "#1a73d9", 1.3)]
    curves += [("forecast 500 ms before", got[DUE_TOPIC], 1, "#d95a1a", 1.3)]
    for label, messages, k, color, width in curves:
        times = np.array([(stamp_of(m) - origin) / 1e9 for m in messages])
        shown = (times >= 0.0) & (times <= SPAN)
        angles = np.degrees([m.position[k] for m in messages])
        axes.plot(times[shown], angles[shown], color=color, linewidth=width, label=label)
    axes.set(xlim=(0.0, SPAN), xlabel="s", ylabel="ankle angle (deg)")
    axes.set_ylim(axes.get_ylim()[0] - 4.0, None)  # room for the legend
    axes.legend(ncols=3, loc="lower center", fontsize=9)


def sole_of(marker: Marker, turn: Rotation, place: Any) -> Any:
    """Return the corners of a ghost in the frame of its message, (4, 3) in m."""
    return place + turn.apply(rectangle(marker.scale.x, marker.scale.z))


def rectangle(length: float, height: float) -> Any:
    """Return the corners of a box seen from the side, (4, 3) in m."""
    return np.array([(-1, 0, -1), (1, 0, -1), (1, 0, 1), (-1, 0, 1)]) * (length / 2, 0.0, height / 2)


def place_of(point: Any) -> Any:
    """Return a message's point or vector, (3,)."""
    return np.array([point.x, point.y, point.z])


def turn_of(quaternion: Any) -> Rotation:
    """Return a message's rotation."""
    return Rotation.from_quat([quaternion.x, quaternion.y, quaternion.z, quaternion.w])


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log", type=Path, required=True, help="a recording with a calibration")
    parser.add_argument(
        "--start", type=float, default=60.0, metavar="S", help="s of the walk at which the curves begin"
    )
    parser.add_argument("--rate", type=float, default=1.0, help="seconds of the walk per second")
    parser.add_argument("--output", default="docs/images/see_it.png", metavar="FILE", help="empty for no picture")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            got, cost = listen(options, Path(folder))
            if options.output:
                draw(got, options)
        except Refusal as refusal:
            print(refusal, file=sys.stderr)
            return 1
    print(f"{options.output or 'no picture'}: visualizer used {cost}")
    since = stamp_of(got[JOINT_TOPIC][0]) + round(options.start * 1e9)
    for topic in (TF_TOPIC, MARKERS_TOPIC, CLOUD_TOPIC):
        print(got.latency(topic, since))
    return 0


if __name__ == "__main__":
    sys.exit(main())
