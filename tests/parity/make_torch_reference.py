#!/usr/bin/env python3
"""Write torch_reference.bin: weights of small networks as PyTorch trains them in float64, on batches in spectrain's order.

    python3 make_torch_reference.py        (numpy, torch; the file in the repository was written with torch 1.13)

Little-endian:  8 bytes "sptref01"; uint32 inputs, width, hidden_layers, outputs, examples, batch, seed, snapshots, cases,
parameters; uint64 step[snapshots]; float32 x[examples][inputs]; int32 label[examples]; float32 target[examples][outputs];
float32 initial[parameters]; then for each case uint32 loss, optimizer, init, labels (else targets), full batch, 0;
float64 lr, momentum, weight_decay, beta1, beta2, eps; float64 parameters at each snapshot. Enumerations as in
spectrain/model.h; parameters in the order layer 0 weight (out, in), bias (out), layer 1 weight, ...
"""
import pathlib
import struct

import numpy as np
import torch

INPUTS, WIDTH, HIDDEN, OUTPUTS, EXAMPLES, BATCH, SEED = 6, 16, 2, 4, 50, 16, 7
SNAPSHOTS = [1, 10, 50]
CROSS_ENTROPY, MSE, BCE = 0, 1, 2
SGD, ADAM, ADAMW = 0, 1, 2
PYTORCH, NTK = 0, 2
BATCH_ORDER = 2  # the stream


def philox_words(seed, stream, substream, count):
    """The first count words of Philox 4x32-10, four an index, written from the paper (Salmon et al. 2011)."""
    mask = np.uint64(0xFFFFFFFF)
    index = np.arange((count + 3) // 4, dtype=np.uint64)
    c = [index & mask, index >> np.uint64(32), np.full(len(index), substream & 0xFFFFFFFF, np.uint64),
         np.full(len(index), substream >> 32, np.uint64)]
    key = [seed, stream]
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(key[0]), p1 & mask,
             (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(key[1]), p0 & mask]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, axis=1).ravel()[:count]


def batches(full):
    """The examples of every step, for ever."""
    epoch = 0
    while True:
        if full:
            yield np.arange(EXAMPLES)
            continue
        order = np.argsort(philox_words(SEED, BATCH_ORDER, epoch, EXAMPLES), kind="stable")
        for first in range(0, EXAMPLES, BATCH):
            yield order[first:first + BATCH]
        epoch += 1


def forward(parameters, x, init):
    weights, biases = parameters[0::2], parameters[1::2]
    for l, (w, b) in enumerate(zip(weights, biases)):
        x = x @ w.T / w.shape[1] ** 0.5 + 0.1 * b if init == NTK else torch.nn.functional.linear(x, w, b)
        if l < len(weights) - 1:
            x = torch.relu(x)
    return x


def loss_of(kind, logits, label, target, use_labels):
    if kind == CROSS_ENTROPY:
        return torch.nn.functional.cross_entropy(logits, label)
    if use_labels:
        target = torch.nn.functional.one_hot(label, OUTPUTS).to(logits.dtype)
    if kind == MSE:
        return torch.nn.functional.mse_loss(logits, target)
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, target)


def optimizer_of(case, parameters):
    common = dict(lr=case["lr"], weight_decay=case["weight_decay"])
    if case["optimizer"] == SGD:
        return torch.optim.SGD(parameters, momentum=case["momentum"], **common)
    kind = torch.optim.Adam if case["optimizer"] == ADAM else torch.optim.AdamW
    return kind(parameters, betas=(case["beta1"], case["beta2"]), eps=case["eps"], **common)


def trajectory(case, x, label, target, initial):
    parameters = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in initial]
    optimizer = optimizer_of(case, parameters)
    x, target = torch.tensor(x, dtype=torch.float64), torch.tensor(target, dtype=torch.float64)
    label = torch.tensor(label, dtype=torch.int64)
    kept, order = [], batches(case["full"])
    for step in range(1, SNAPSHOTS[-1] + 1):
        rows = torch.from_numpy(next(order).astype(np.int64))
        optimizer.zero_grad()
        logits = forward(parameters, x[rows], case["init"])
        loss_of(case["loss"], logits, label[rows], target[rows], case["labels"]).backward()
        optimizer.step()
        if step in SNAPSHOTS:
            kept.append(np.concatenate([p.detach().numpy().ravel() for p in parameters]))
    return kept


def cases():
    for loss in (CROSS_ENTROPY, MSE, BCE):
        for optimizer in (SGD, ADAM, ADAMW):
            yield dict(loss=loss, optimizer=optimizer, init=PYTORCH, labels=int(loss == CROSS_ENTROPY), full=0,
                       lr=0.05 if optimizer == SGD else 0.002, momentum=0.9 if optimizer == SGD else 0.0,
                       weight_decay=0.01, beta1=0.9, beta2=0.999, eps=1e-8)
    plain = dict(optimizer=SGD, init=PYTORCH, labels=1, full=0, lr=0.1, momentum=0.0, weight_decay=0.0, beta1=0.9,
                 beta2=0.999, eps=1e-8)
    yield dict(plain, loss=MSE)
    yield dict(plain, loss=BCE)
    yield dict(plain, loss=CROSS_ENTROPY, full=1)
    yield dict(plain, loss=CROSS_ENTROPY, init=NTK, lr=0.5, momentum=0.5)


def main():
    random = np.random.default_rng(2019)
    x = random.standard_normal((EXAMPLES, INPUTS)).astype("<f4")
    label = random.integers(0, OUTPUTS, EXAMPLES).astype("<i4")
    target = random.random((EXAMPLES, OUTPUTS)).astype("<f4")
    sizes = [INPUTS] + [WIDTH] * HIDDEN + [OUTPUTS]
    initial = []
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        initial.append(random.uniform(-1, 1, (fan_out, fan_in)).astype("<f4") / np.float32(fan_in ** 0.5))
        initial.append(random.uniform(-1, 1, fan_out).astype("<f4") / np.float32(fan_in ** 0.5))
    packed = np.concatenate([p.ravel() for p in initial]).astype("<f4")
    every = list(cases())
    with open(pathlib.Path(__file__).parent / "torch_reference.bin", "wb") as out:
        out.write(b"sptref01")
        out.write(struct.pack("<10I", INPUTS, WIDTH, HIDDEN, OUTPUTS, EXAMPLES, BATCH, SEED, len(SNAPSHOTS), len(every),
                              packed.size))
        out.write(struct.pack("<%dQ" % len(SNAPSHOTS), *SNAPSHOTS))
        for array in (x, label, target, packed):
            out.write(array.tobytes())
        for case in every:
            out.write(struct.pack("<6I6d", case["loss"], case["optimizer"], case["init"], case["labels"], case["full"], 0,
                                  case["lr"], case["momentum"], case["weight_decay"], case["beta1"], case["beta2"],
                                  case["eps"]))
            for parameters in trajectory(case, x, label, target, initial):
                out.write(parameters.astype("<f8").tobytes())


if __name__ == "__main__":
    main()
