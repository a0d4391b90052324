"""Trains one network in several processes that add up their gradients. Importing this module imports TensorFlow.

Each process makes and learns from its part of every batch. ``tf.distribute.MultiWorkerMirroredStrategy`` adds the
gradients of all, by NCCL between GPUs and by gRPC between CPUs, and each process takes the same step. Keras's own
``fit`` cannot be used under that strategy (keras-team/keras issue 20585), and under ``MirroredStrategy`` it clips each
part's gradient instead of the whole one; so the network and its optimizer know nothing of the strategy here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ankle_predictor.training.examples_on_disk import EpochExamples
from ankle_predictor.training.network import FitSettings, optimizer_for, pinball, shuffled_batches, steps_of


@dataclass(frozen=True)
class Member:
    """One of the processes that train a network together.

    Attributes:
        rank: its number, from 0 on.
        count: of processes.
        strategy: adds up what all of them have computed.
    """

    rank: int
    count: int
    strategy: Any

    def part(self, index: Any) -> Any:
        """Return every ``count``-th of a batch's numbers, other ones for each member; of too few, all."""
        return tf.cond(tf.size(index) < self.count, lambda: index, lambda: index[self.rank :: self.count])

    def fit(
        self,
        network: Any,
        examples: Callable[[int], EpochExamples],
        settings: FitSettings,
        on_step: Callable[[float], None],
    ) -> None:
        """Train a network as ``network.fit`` does; all members must call this with the same examples and settings."""
        keras.utils.set_random_seed(settings.seed)
        tf.config.experimental.enable_op_determinism()
        epoch_examples = examples(0)
        steps, done = steps_of(len(epoch_examples), settings), 0
        self._draw_own_dropout(network)
        step = self._step(network, optimizer_for(steps, settings))
        for epoch in range(settings.epochs):
            if epoch:
                epoch_examples = examples(epoch)
            for window, change in shuffled_batches(epoch_examples, settings.batch, self.part):
                step(window, change)
                done += 1
                on_step(min(1.0, done / steps))

    def _step(self, network: Any, optimizer: Any) -> Callable[[Any, Any], None]:
        """Return a function that takes one step with a batch of which every member has a part."""
        weights, horizon = network.trainable_variables, network.output_shape[1]
        optimizer.build(weights)

        def gradients(window: Any, change: Any) -> Any:
            own = tf.cast(tf.shape(window)[0], tf.float32)
            with tf.GradientTape() as tape:
                loss = own * pinball(change, network(window, training=True))
            both = [own, *tape.gradient(loss, weights)]
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, both)

        @tf.function(  # type: ignore[untyped-decorator,unused-ignore]
            input_signature=[tf.TensorSpec((None, *network.input_shape[1:])), tf.TensorSpec((None, horizon))]
        )
        def step(window: Any, change: Any) -> None:
            total, *sums = self.strategy.run(gradients, args=(window, change))
            optimizer.apply([one / total for one in sums], weights)

        return step  # type: ignore[no-any-return]

    def _draw_own_dropout(self, network: Any) -> None:
        """Let each member hide other outputs than the others do."""
        for layer in network.layers:
            if isinstance(layer, keras.layers.Dropout) and layer.rate > 0:
                state = layer.seed_generator.state
                first, *others = np.asarray(state)
                state.assign([first ^ first.dtype.type(self.rank), *others])
