"""Every experiment in a second: changes on top of its small preset, which keep what its figure looks at."""

LABELS = "data={source: mnist1d, train: 100, test: 20, label_noise: {kind: uniform, fraction: 0.2}}"
WIDTHS = ["train.epochs=4", "record.epochs.logspace=4", "probes.0.points=2", "sweep.model.width=[2, 4, 8]",
          "sweep.train.seed=[0, 1]"]

TINY = {
    "double_descent_fashion": [LABELS, *WIDTHS],
    "double_descent_mnist1d": [LABELS, *WIDTHS],
    "epochs_mnist1d": ["train.epochs=40", "data.train=100", "data.test=20", "model.width=4", "probes.0.points=2"],
    "kernel_spectrum": ["data={source: sinusoids, train: 40, test: clean_train, frequencies: 2, "
                        "label_noise: {kind: uniform_real}}", "train.epochs=10", "model.width=4", "probes.0.bin=5"],
    "manifold_classification": ["train.epochs=5", "model.width=8"],
    "manifold_regression": ["train.epochs=20", "record.epochs.every=1", "model.width=8"],
    "noise_frequency": ["data={source: sinusoids, train: 20, test: 20, frequencies: 2, label_noise: {kind: radial}}",
                        "train.epochs=10", "model.width=4"],
    "parameter_noise": ["train.epochs=20", "model.width=8",
                        "probes.0.perturb={norms: {linspace: [0, 5, 11]}, directions: 2}"],
    "random_labels": ["train.epochs=10", "model.width=4", "train.batch=20",
                      LABELS.replace(", fraction: 0.2", "")],  # the fraction is swept
    "spectral_bias_equal": ["train.epochs=20", "record.epochs.every=1", "model.width=16"],
    "spectral_bias_increasing": ["train.epochs=20", "record.epochs.every=1", "model.width=16"],
}


def arguments(name):
    return [word for change in TINY[name] for word in ("--set", change)]
