"""Networks around a run's own: parameters moved along the documented random directions, in numpy."""

import numpy as np

PERTURBATION = 6  # the stream
ALIGN = 32  # floats: where a tensor may begin in a run's block


def philox(seed, stream, substream, count):
    """Words (count, 4) of Philox 4x32-10 with key (seed, stream) and counters (0 .. count - 1, substream)."""
    counter = np.zeros((count, 4), dtype=np.uint64)
    counter[:, 0], counter[:, 2] = np.arange(count), substream
    key, low = np.array([seed, stream], dtype=np.uint64), np.uint64(0xffffffff)
    for _ in range(10):
        first, second = counter[:, 0] * np.uint64(0xD2511F53), counter[:, 2] * np.uint64(0xCD9E8D57)
        counter = np.stack([second >> np.uint64(32) ^ counter[:, 1] ^ key[0], second & low,
                            first >> np.uint64(32) ^ counter[:, 3] ^ key[1], first & low], axis=1)
        key = key + np.array([0x9E3779B9, 0xBB67AE85], dtype=np.uint64) & low
    return counter.astype(float)


def normals(seed, direction, count):
    words = philox(seed, PERTURBATION, direction, -(-count // 4))
    radius, angle = np.sqrt(-2 * np.log((words[:, ::2] + 0.5) / 2 ** 32)), 2 * np.pi * words[:, 1::2] / 2 ** 32
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(-1)[:count]


def direction_of(layers, seed, direction):
    """[(weight, bias)] of the unit direction, shaped as layers."""
    place, tensors = 0, []
    for layer in layers:
        for tensor in layer:
            tensors.append((place, tensor))
            place += -(-tensor.size // ALIGN) * ALIGN
    z = normals(seed, direction, place)
    parts = [z[place:place + tensor.size].reshape(tensor.shape) for place, tensor in tensors]
    length = np.sqrt(sum((part ** 2).sum() for part in parts))
    return [(parts[i] / length, parts[i + 1] / length) for i in range(0, len(parts), 2)]


def perturbed(probe, layers, seed, energies):
    """(norm, ...) means over the directions of energies(layers)."""
    total = 0
    for d in range(int(probe.attrs["perturb_directions"])):
        step = direction_of(layers, seed, d)
        total = total + np.array([energies([(weight + norm * v, bias + norm * b)
                                            for (weight, bias), (v, b) in zip(layers, step)])
                                  for norm in probe["norm"][...]])
    return total / int(probe.attrs["perturb_directions"])
