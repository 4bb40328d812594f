"""The training loop both networks share: batches drawn at random, looks at later rows, the best weights kept.

Keras is imported here and nowhere else, and only when a network is trained. Every batch has the one shape, with weight
zero on padding and on cells that were not measured, so the step is compiled once; it is kept for the next fit of the
same sizes.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.random import Generator

from anomaly_lstm.errors import MissingExtraError
from anomaly_lstm.models.contract import Effort, Fitted, Progress, Told
from anomaly_lstm.windows import Bool, Float32, Series, cut, fill, own_rows

LOOK_EVERY = 25
"""Optimiser steps between looks at the validation rows."""

WORTH = 0.005
"""A gain smaller than this share of the loss, since the last one that was larger, does not renew the patience."""

LOOK_CHUNKS = 32
"""At most this many chunks are looked at, spread evenly: a look must cost less than the steps between two."""

LOOK_WARM_UP = 128
"""Rows before a chunk that a look runs through [rows]; a model's own warm-up is only known after training."""

CLIP = 1.0
"""The global norm of a gradient is cut here: one strange chunk must not throw the weights away."""

MEMORY = 0.97
"""Share of the old in the running mean of the weights, whose noise is a fraction of that of the last step's."""

WEIGHTS_PER_CELL = 1 / 4
"""A network has at most this many weights per measured cell of the training rows …"""

UNITS = (16, 32, 64)
"""… and one of these widths [units] …"""

UNITS_PER_INPUT = 8
"""… below this many units per input: more remember nothing new, and the time goes with the square."""


@dataclass(frozen=True)
class Examples:
    """One batch for one step: what goes in, what should come out, and how much each cell counts (0 or 1)."""

    inputs: tuple[Float32, ...]
    targets: Float32
    weights: Float32


Judge = Callable[[Fitted], float]
"""Mean squared error of a fit on rows it never trained on [scaled units²], sensors weighted as in training."""


def train(
    network: Callable[..., Any],
    sizes: tuple[int, ...],
    begin: Sequence[Float32],
    draw: Callable[[Generator], Examples],
    as_fitted: Callable[[Sequence[Float32], int], Fitted],
    judge: Judge | None,
    *,
    spread: Float32,
    effort: Effort,
    seed: int,
    told: Told,
) -> Fitted:
    """Train ``network(*sizes)``, a Keras model, from the weights ``begin``; the best fit by ``judge``, be it ``begin``.

    The loss is a smooth Huber loss √(1 + e²) − 1 of the network's errors e; e·``spread`` (n_scored,) is in scaled
    units. Without a ``judge`` all ``effort.max_steps`` are taken and the last weights looked at kept. A spent time
    budget ends either early. Raises MissingExtraError without TensorFlow.
    """
    machine = _machine(network, sizes, effort.learning_rate)
    machine.restart(begin)
    rng = np.random.default_rng(seed)
    kept, best, idle = as_fitted(begin, 0), np.inf, 0
    if judge is not None:
        best = judge(kept)
        told(Progress(0, effort.max_steps, best))
    mark = best
    seen: list[float] = []
    for done in range(1, effort.max_steps + 1):
        if effort.expired():
            break
        examples = draw(rng)
        seen.append(float(machine.step(examples.inputs, examples.targets, examples.weights, spread)))
        if done % LOOK_EVERY and done < effort.max_steps:
            continue
        candidate = as_fitted(machine.weights(), done)
        loss = judge(candidate) if judge is not None else float(np.mean(seen[-LOOK_EVERY:]))
        told(Progress(done, effort.max_steps, loss))
        if judge is None or loss < best:
            kept, best = candidate, loss
        if judge is None or loss < (1 - WORTH) * mark:
            mark, idle = loss, 0
            continue
        idle += 1
        if idle >= effort.patience:
            break
    return kept


def judge_on(
    model_expected: Callable[[Fitted, Float32, Float32, Bool], Float32],
    valid: Sequence[Series],
    spread: Float32 | None = None,
) -> Judge | None:
    """A judge that runs a model's NumPy ``expected`` over ``valid``; None without a measured cell to judge by.

    ``spread`` (n_scored,) [scaled units] makes sensors with errors of that size count alike, as they do in the loss
    of `train`; else the noisiest sensor alone would say when to stop. A forecast that errs by ``spread`` has the same
    loss with and without it.
    """
    if not any(one.known[1:].any() for one in valid):  # nobody can forecast a first row
        return None
    chunks = cut(valid, LOOK_WARM_UP)
    if len(chunks) > LOOK_CHUNKS:
        chunks = [chunks[at] for at in np.linspace(0, len(chunks) - 1, LOOK_CHUNKS).astype(int)]
    batch = fill(valid, chunks, LOOK_WARM_UP)
    counts = np.zeros_like(batch.known)
    for place, chunk in enumerate(chunks):
        own, _ = own_rows(chunk, len(valid[chunk.series]), LOOK_WARM_UP)
        counts[place, own] = batch.known[place, own]

    alike = 1.0 if spread is None else np.sqrt(np.mean(np.square(spread))) / spread

    def judge(fitted: Fitted) -> float:
        expected = model_expected(fitted, batch.values, batch.context, batch.present)
        error = ((batch.values - expected) * alike)[counts]
        return float(np.nanmean(np.square(error, dtype=np.float64))) if np.isfinite(error).any() else np.inf

    return judge


def initial_lstm(rng: Generator, n_inputs: int, units: int) -> list[Float32]:
    """Kernel, recurrent kernel and bias of an untrained layer, as Keras draws them.

    Uniform by Glorot & Bengio 2010; orthogonal by Saxe et al. 2014; the forget gate open at first by Jozefowicz et al.
    2015.
    """
    orthogonal, triangle = np.linalg.qr(rng.standard_normal((4 * units, units)))
    bias = np.zeros(4 * units, np.float32)
    bias[units : 2 * units] = 1
    recurrent = (orthogonal * np.sign(np.diag(triangle))).T
    return [initial_dense(rng, n_inputs, 4 * units), recurrent.astype(np.float32), bias]


def initial_dense(rng: Generator, n_inputs: int, n_outputs: int) -> Float32:
    """An untrained kernel (n_inputs, n_outputs), uniform by Glorot & Bengio 2010."""
    limit = np.sqrt(6 / (n_inputs + n_outputs))
    return rng.uniform(-limit, limit, (n_inputs, n_outputs)).astype(np.float32)


def units_for(train: Sequence[Series], n_weights: Callable[[int], int]) -> int:
    """The largest of `UNITS` whose ``n_weights`` the measured cells and the inputs can carry; the smallest if none."""
    cells = sum(int(one.known.sum()) for one in train)
    n_inputs = train[0].values.shape[1] + train[0].context.shape[1]
    fitting = (u for u in UNITS if n_weights(u) <= WEIGHTS_PER_CELL * cells and u < UNITS_PER_INPUT * n_inputs)
    return max(fitting, default=UNITS[0])


def lstm_size(n_inputs: int, units: int) -> int:
    """How many weights a layer has."""
    return 4 * units * (n_inputs + units + 1)


@dataclass(frozen=True)
class _Machine:
    """A compiled training step and the variables it moves."""

    step: Callable[..., Any]
    """(inputs, targets, weights, spread) → mean squared error of the batch [scaled units²]."""
    restart: Callable[[Sequence[Float32]], None]
    weights: Callable[[], list[Float32]]
    """The running mean of the weights so far."""


@lru_cache(maxsize=8)
def _machine(network: Callable[..., Any], sizes: tuple[int, ...], learning_rate: float) -> _Machine:
    """Built and traced once for all fits of the same sizes in this process: tracing costs as much as 100 steps."""
    tf, keras = _tensorflow()
    model = network(*sizes)
    variables = model.trainable_variables
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=CLIP)
    optimizer.build(variables)
    fresh = [variable.numpy() for variable in optimizer.variables]
    means = [tf.Variable(variable) for variable in variables]

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def step(inputs: Any, targets: Any, weights: Any, spread: Any) -> Any:
        count = tf.maximum(tf.reduce_sum(weights), 1.0)
        with tf.GradientTape() as tape:
            error = model(inputs, training=True) - targets
            loss = tf.reduce_sum(weights * (tf.sqrt(1.0 + error * error) - 1.0)) / count
        optimizer.apply(tape.gradient(loss, variables), variables)
        taken = tf.cast(optimizer.iterations, tf.float32)
        memory = tf.minimum(MEMORY, taken / (taken + 9.0))  # the first weights are soon forgotten
        for mean, variable in zip(means, variables, strict=True):
            mean.assign(memory * mean + (1.0 - memory) * variable)
        return tf.reduce_sum(weights * tf.square(error * spread)) / count

    def restart(begin: Sequence[Float32]) -> None:
        model.set_weights(begin)
        for mean, value in zip(means, begin, strict=True):
            mean.assign(value)
        for variable, value in zip(optimizer.variables, fresh, strict=True):
            variable.assign(value)

    return _Machine(step, restart, lambda: [mean.numpy() for mean in means])


def _tensorflow() -> tuple[Any, Any]:
    """TensorFlow and Keras, quiet and made to repeat themselves; raises MissingExtraError when not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its sums change their order
    os.environ["KERAS_BACKEND"] = "tensorflow"
    try:
        with _hushed():
            import keras
            import tensorflow as tf
    except ImportError as missing:
        raise MissingExtraError(
            f"Training an LSTM needs TensorFlow, which could not be imported ({missing}). "
            "Install it with: pip install 'anomaly-lstm[train]', or train without it: --network linear_predictor."
        ) from missing
    keras.utils.set_random_seed(0)  # nothing draws from it; what might one day, repeats
    tf.config.experimental.enable_op_determinism()
    return tf, keras


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Nothing written to the terminal by C++ code, which takes no heed of Python's ``sys.stderr``."""
    sys.stderr.flush()
    saved = os.dup(2)
    silent = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silent, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(silent)
