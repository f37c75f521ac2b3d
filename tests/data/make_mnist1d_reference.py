"""Writes mnist1d_reference.h: what the authors' generator of MNIST-1D gives, for tests/unit/test_data_mnist1d.c.

    pip install mnist1d==0.0.2.post1
    python3 make_mnist1d_reference.py > mnist1d_reference.h

Two kinds of numbers. Exact ones: the processed templates, a resampling, and examples for given draws. Statistics of a
large set: for each, the mean over examples and the standard deviation from example to example, which is what the
test derives its tolerances from.
"""

import importlib
from unittest import mock

import numpy as np

data = importlib.import_module("mnist1d.data")
transform = importlib.import_module("mnist1d.transform")  # the package hides this module behind a function of its name

EXAMPLES = 100_000
CASES = [  # digit, then u for padding, scale, translation, shear
    (0, 0.0, 0.0, 0.0, 0.0),
    (1, 0.17, 0.9, 0.35, 0.62),
    (4, 0.5, 0.25, 0.999, 0.01),
    (7, 0.83, 0.5, 0.5, 0.99),
    (9, 0.999, 0.999, 0.71, 0.5),
]
EDGES = np.linspace(-3.0, 3.0, 25)
LAGS = range(1, 13)


class Scripted:
    """Stands in for numpy.random: hands out what it was given."""

    def __init__(self, u_padding, u_scale, u_translation, u_shear):
        self.uniforms = [u_padding, u_scale, u_shear]
        self.u_translation = u_translation
        i = np.arange(72)
        self.normals = [np.sin(1.0 + 0.37 * i), np.cos(0.91 * i)]

    def rand(self):
        return self.uniforms.pop(0)

    def choice(self, count):
        return int(self.u_translation * count)

    def randn(self, count):
        assert count == 72
        return self.normals.pop(0)


def array(name, comment, values, form):
    values = np.asarray(values)
    dims = "".join(f"[{n}]" for n in values.shape)
    print(f"\n/* {comment} */\nstatic const double {name}{dims} = {{")
    rows = values.reshape(values.shape[0], -1)
    for row in rows:
        text = ", ".join(form % v for v in row)
        print(f"    {{{text}}}," if values.ndim > 1 else f"    {text},")
    print("};")


def scripted_examples(templates, args):
    examples = []
    for digit, *draws in CASES:
        with mock.patch.object(np, "random", Scripted(*draws)):
            examples.append(transform.transform(templates["x"][digit], templates["t"], args)[0])
    return examples


def spread(per_example):
    """(mean, standard deviation) over the first axis, as one row for each statistic."""
    per_example = per_example.reshape(len(per_example), -1)
    return np.stack([per_example.mean(0), per_example.std(0)], axis=-1)


def main():
    args = data.get_dataset_args()
    templates = data.get_templates()
    print("/* Made by make_mnist1d_reference.py; not for editing. */")
    print("/* clang-format off */")
    array("REFERENCE_TEMPLATES", "processed templates: digit, position", templates["x"], "%.15g")
    array("REFERENCE_RESAMPLED", "cos(i), i = 0..48, resampled to 72", transform.interpolate(np.cos(np.arange(49.0)), 72),
          "%.15g")
    array("REFERENCE_CASES", "digit, u_padding, u_scale, u_translation, u_shear", CASES, "%g")
    array("REFERENCE_EXAMPLES", "the examples of the cases, with normals sin(1 + 0.37 i) and cos(0.91 i)",
          scripted_examples(templates, args), "%.15g")

    args.num_samples, args.seed, args.train_split = EXAMPLES, 1, 1.0
    made = data.make_dataset(args)
    x, y = made["x"], made["y"]
    print(f"\nenum {{ REFERENCE_COUNT = {len(x)} }};")
    curves = [spread(x[y == digit]) for digit in range(10)]
    squares = [spread(x[y == digit] ** 2) for digit in range(10)]
    shares = np.stack([(np.digitize(x, EDGES) == b).mean(1) for b in range(len(EDGES) + 1)], axis=1)
    products = np.stack([(x[:, lag:] * x[:, :-lag]).mean(1) for lag in LAGS], axis=1)
    by_example = "mean over examples, standard deviation from example to example"
    array("REFERENCE_CURVES", f"numbers of a class, by position: {by_example}", np.stack(curves).reshape(-1, 2), "%.6g")
    array("REFERENCE_SQUARES", f"their squares: {by_example}", np.stack(squares).reshape(-1, 2), "%.6g")
    array("REFERENCE_HISTOGRAM", f"share of the numbers below -3, in 24 bins of 0.25, above 3: {by_example}",
          spread(shares), "%.6g")
    array("REFERENCE_PRODUCTS", f"mean product of numbers 1 to 12 places apart: {by_example}", spread(products), "%.6g")
    print("/* clang-format on */")


main()
