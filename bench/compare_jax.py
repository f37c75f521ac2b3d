#!/usr/bin/env python3
"""A training step of the main job's networks: JAX with vmap over the seeds of a width, and spectrain.

    bench/compare_jax.py BUILD_DIR [WIDTH...] [--device cpu|cuda] [--seeds N] [--json FILE]

JAX trains the networks of one width as one stack: jit of an epoch, lax.scan over its batches, vmap over seeds, each of
which has its own permutation. Networks of different widths cannot be stacked: the last line is the sum over the widths.
Products are float32 (precision "highest"), as spectrain's are. spectrain trains the networks of a width in one group,
and for the last line all of them. Each width is timed by both in turn. Prints a Markdown table.
"""
import os
import sys

import steps
from steps import BATCH, CLASSES, EXAMPLES, INPUTS, MOMENTUM, RATE, STEPS

if "cpu" in sys.argv or "--device" not in sys.argv:  # before JAX is there: one thread, and no look for other devices
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp


def initial(key, width):
    """Weights and biases as nn.Linear draws them, and velocities."""
    sides = [INPUTS, width, width, CLASSES]
    parameters = []
    for fan_in, fan_out, k in zip(sides[:-1], sides[1:], jax.random.split(key, 3)):
        bound = fan_in ** -0.5
        w, b = jax.random.split(k)
        parameters.append((jax.random.uniform(w, (fan_in, fan_out), minval=-bound, maxval=bound),
                           jax.random.uniform(b, (fan_out,), minval=-bound, maxval=bound)))
    return parameters, jax.tree_util.tree_map(jnp.zeros_like, parameters)


def loss_of(parameters, x, y):
    for w, b in parameters[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = parameters[-1]
    log_p = jax.nn.log_softmax(x @ w + b)
    return -jnp.mean(jnp.take_along_axis(log_p, y[:, None], axis=1))


def epoch_of(state, key, x, y):
    """STEPS steps of one network."""
    order = jax.random.permutation(key, EXAMPLES)

    def step(state, rows):
        parameters, velocity = state
        gradient = jax.grad(loss_of)(parameters, x[rows], y[rows])
        velocity = jax.tree_util.tree_map(lambda v, g: MOMENTUM * v + g, velocity, gradient)
        parameters = jax.tree_util.tree_map(lambda p, v: p - RATE * v, parameters, velocity)
        return (parameters, velocity), None

    return jax.lax.scan(step, state, order.reshape(STEPS, BATCH))[0]


def jax_seconds(width, seeds, seconds):
    """Of a step of `seeds` networks, stacked."""
    keys = jax.random.split(jax.random.PRNGKey(0), 2)
    x = jax.random.normal(keys[0], (EXAMPLES, INPUTS))
    y = jax.random.randint(keys[1], (EXAMPLES,), 0, CLASSES)
    epoch = jax.jit(jax.vmap(epoch_of, in_axes=(0, 0, None, None)), donate_argnums=0)
    loss = jax.jit(jax.vmap(loss_of, in_axes=(0, None, None)))
    state = jax.vmap(initial, in_axes=(0, None))(jax.random.split(jax.random.PRNGKey(1), seeds), width)
    before = float(jnp.mean(loss(state[0], x, y)))
    done = 0

    def epochs(n):
        nonlocal state, done
        for _ in range(n):
            state = epoch(state, jax.random.split(jax.random.PRNGKey(2 + done), seeds), x, y)
            done += 1
        jax.block_until_ready(state)

    once = steps.step_seconds(epochs, seconds)
    after = float(jnp.mean(loss(state[0], x, y)))
    if not after < before:
        raise SystemExit(f"width {width}: the loss went from {before:.4f} to {after:.4f}")
    return once


def main():
    arguments = steps.parser(__doc__).parse_args()
    jax.config.update("jax_default_matmul_precision", "highest")
    if arguments.device == "cuda" and jax.default_backend() != "gpu":
        raise SystemExit(f"compare_jax.py: JAX sees no CUDA device, only {jax.default_backend()}; allowed: --device cpu")
    report = steps.Report(f"JAX {jax.__version__}", ["vmap"], arguments)
    for width in steps.chosen_widths(arguments):
        row = {"width": width, "vmap": jax_seconds(width, arguments.seeds, arguments.seconds)}
        row["spectrain"], name = steps.spectrain_seconds(arguments.build, [width], arguments.seeds, arguments.device,
                                                         arguments.seconds)
        report.add(row, name)
    total = {"vmap": sum(row["vmap"] for row in report.rows)}
    total["spectrain"], name = steps.spectrain_seconds(arguments.build, [row["width"] for row in report.rows],
                                                       arguments.seeds, arguments.device, arguments.seconds)
    report.add(total, name)


if __name__ == "__main__":
    main()
