#!/usr/bin/env python3
"""Check that a file is what the format says ("The file" in the manual), with h5py and with xarray.

    check_file.py FILE.h5...

Names, types, dimensions, scales, attributes, checksums, what must be missing and what must not be.
Exit status: 0 as it should be; 1 it deviates (one line for each deviation); 2 bad usage.
"""

import re
import sys

import h5py
import numpy as np

GROUPS = {"runs", "record", "snapshot", "metrics", "probes", "weights", "data"}
TEXTS = ["format", "software_version", "config", "backend", "device", "precision", "denormals", "dataset_sha256",
         "created", "schema"]
METRICS = ["train_loss", "train_error", "test_loss", "test_error", "noisy_fit", "noisy_clean", "clean_fit",
           "lipschitz_bound"]
SHARES = ["train_error", "test_error", "noisy_fit", "noisy_clean", "clean_fit"]
RUN_ARRAYS = {"run", "parameters", "status", "dataset", "diverged_step"}
MISSING, DONE, DIVERGED = 0, 1, 2


class Checks:
    """Collects deviations of one file."""

    def __init__(self, path):
        self.path = path
        self.deviations = []

    def that(self, holds, text):
        if not holds:
            self.deviations.append(text)
        return bool(holds)


def dim_names(array):
    """Names of the dimensions: of the scales attached to them."""
    return tuple(dim[0].name.rsplit("/", 1)[1] if len(dim) else "?" for dim in array.dims)


def name_of(file, reference):
    """What a reference leads to; None when that is gone."""
    try:
        return file[reference].name
    except (ValueError, KeyError, OSError):
        return None


def is_scale(array):
    return array.attrs.get("CLASS") == b"DIMENSION_SCALE"


def check_array(checks, file, array):
    """What holds for every array of a file."""
    name = array.name
    for key in ("long_name", "units"):
        checks.that(isinstance(array.attrs.get(key), str) and array.attrs[key], f"{name}: no text {key}")
    if not (array.is_virtual and "virtual" in file.attrs):
        checks.that(array.chunks is not None, f"{name}: not chunked")
        checks.that(array.fletcher32 or h5py.check_string_dtype(array.dtype), f"{name}: no Fletcher-32")
    checks.that(array.ndim >= 1, f"{name}: a scalar")
    if is_scale(array):
        checks.that(array.ndim == 1, f"{name}: a scale of {array.ndim} dimensions")
        kept = array.attrs["NAME"].decode()
        checks.that(kept == name.rsplit("/", 1)[1], f"{name}: its NAME is {kept}")
        return
    for i, dim in enumerate(array.dims):
        if not checks.that(len(dim) == 1, f"{name}: dimension {i} has {len(dim)} scales"):
            continue
        scale = dim[0]
        above = scale.name.rsplit("/", 1)[0]
        checks.that(scale.shape == (array.shape[i],), f"{name}: scale {scale.name} has shape {scale.shape}")
        checks.that(is_scale(scale), f"{name}: {scale.name} is not a scale")
        checks.that((name.rsplit("/", 1)[0] + "/").startswith(above + "/"),
                    f"{name}: scale {scale.name} is not in its group or above")
        users = [(name_of(file, user), int(index)) for user, index in scale.attrs.get("REFERENCE_LIST", [])]
        checks.that((name, i) in users, f"{scale.name}: does not list {name} among its users")


def check_dims(checks, array, expected, dtype=None):
    names = dim_names(array)
    checks.that(names == tuple(expected), f"{array.name}: dimensions {names}, expected {tuple(expected)}")
    if dtype is not None:
        checks.that(array.dtype == dtype, f"{array.name}: type {array.dtype}, expected {np.dtype(dtype)}")


def check_root(checks, file):
    attrs = file.attrs
    for key in TEXTS:
        checks.that(isinstance(attrs.get(key), str), f"attribute {key}: not a text")
    for key in ("format_version", "complete"):
        checks.that(np.issubdtype(np.asarray(attrs.get(key)).dtype, np.integer), f"attribute {key}: not an integer")
    checks.that(attrs.get("format") == "spectrain", "attribute format: not spectrain")
    checks.that(attrs.get("format_version") == 1, "attribute format_version: not 1")
    checks.that(attrs.get("complete") in (0, 1), "attribute complete: neither 0 nor 1")
    time = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", attrs.get("created", ""))
    checks.that(time, "attribute created: no time")
    if attrs.get("complete") == 1:
        checks.that(re.fullmatch("[0-9a-f]{64}", attrs.get("dataset_sha256", "")), "dataset_sha256: not a SHA-256")
    checks.that(attrs.get("config"), "attribute config: empty")
    groups = GROUPS | ({"shards"} if "virtual" in attrs else set())
    checks.that(set(file) == groups, f"groups {sorted(file)}, expected {sorted(groups)}")


def check_runs(checks, file):
    runs = file["runs"]
    for name, array in runs.items():
        if name != "run":
            check_dims(checks, array, ["run"])
        if name not in RUN_ARRAYS:
            checks.that("." in name, f"{array.name}: not a dotted key")
            checks.that("axis" in array.attrs, f"{array.name}: does not say which axis it is")
    checks.that(RUN_ARRAYS <= set(runs), f"/runs lacks {sorted(RUN_ARRAYS - set(runs))}")
    status = runs["status"]
    checks.that(status.dtype == np.int8, f"/runs/status: type {status.dtype}")
    checks.that(list(status.attrs.get("flag_values", [])) == [0, 1, 2], "/runs/status: flag_values")
    checks.that(status.attrs.get("flag_meanings") == "missing done diverged", "/runs/status: flag_meanings")
    checks.that(np.isin(status[()], [0, 1, 2]).all(), "/runs/status: other values than 0, 1, 2")
    checks.that(((runs["diverged_step"][()] >= 0) == (status[()] == DIVERGED)).all() or (status[()] == MISSING).any(),
                "/runs/diverged_step does not go with /runs/status")
    if file.attrs["complete"] == 1:
        checks.that((status[()] != MISSING).all(), "complete, but runs are missing")
    numbers = runs["run"][()]
    if "shards" in file.attrs:
        sweep_runs = file.attrs["sweep_runs"]
        checks.that(0 <= file.attrs["shard"] < file.attrs["shards"], "attribute shard: none of the shards")
        checks.that(numbers[0] >= 0 and numbers[-1] < sweep_runs and (np.diff(numbers) > 0).all(),
                    "/runs/run: not the numbers of a sweep's runs, rising")
    else:
        checks.that((numbers == np.arange(len(numbers))).all(), "/runs/run: not 0, 1, 2, ...")


def check_schedule(checks, file, name):
    group = file[name]
    epoch, step = group["epoch"], group["step"]
    check_dims(checks, epoch, [name], np.int64)
    check_dims(checks, step, [name] if step.ndim == 1 else ["run", name], np.int64)
    checks.that((epoch[()] == group[name][()]).all(), f"/{name}/{name}: not the epochs")
    checks.that(epoch[0] == 0 and (np.diff(epoch[()]) > 0).all(), f"/{name}/epoch: not rising from 0")
    rising = (step[..., 0] == 0).all() and (np.diff(step[()], axis=-1) > 0).all()
    checks.that(rising, f"/{name}/step: not rising from 0")


def steps_of(file, name):
    """Steps as (run, record), whichever way they are kept."""
    step = np.atleast_2d(file[f"{name}/step"][()])
    return np.broadcast_to(step, (len(file["runs/run"]), step.shape[1]))


def check_missing(checks, file, name, values, schedule, run_values=None, due=slice(None)):
    """After a run diverged there is NaN; a done run has values at every record that is due. values: (run, record,
    ...)."""
    status, diverged = file["runs/status"][()], file["runs/diverged_step"][()]
    after = (diverged[:, None] >= 0) & (steps_of(file, schedule) > diverged[:, None])
    there = ~np.isnan(values).reshape(values.shape[0], values.shape[1], -1).all(axis=2)
    checks.that(not (there & after).any(), f"{name}: values after a run diverged")
    if run_values is None or run_values:
        checks.that(there[status == DONE][:, due].all(), f"{name}: a done run lacks values")
    lacks = ~there & (status == DIVERGED)[:, None] & ~after
    checks.that(not lacks[:, due].any() or run_values is False,
                f"{name}: a diverged run lacks values before it diverged")


def check_metrics(checks, file):
    metrics = file["metrics"]
    expected = set(METRICS) | {"spectral_norm", "run", "record", "layer"}
    checks.that(expected <= set(metrics), f"/metrics lacks {sorted(expected - set(metrics))}")
    for name in METRICS:
        check_dims(checks, metrics[name], ["run", "record"], np.float32)
        values = metrics[name][()]
        check_missing(checks, file, f"/metrics/{name}", values, "record", run_values=name == "train_loss")
        if name in SHARES and file.attrs["backend"] != "fabricated":
            checks.that(((values >= 0) & (values <= 1) | np.isnan(values)).all(), f"/metrics/{name}: not in [0, 1]")
    norm = metrics["spectral_norm"]
    check_dims(checks, norm, ["run", "record", "layer"], np.float32)
    if file.attrs["backend"] != "fabricated":
        # A product of at most 65 float32 factors, rounded once: some 1e-6 apart.
        bound = np.nanprod(norm[()].astype(np.float64), axis=2)
        kept = metrics["lipschitz_bound"][()]
        there = np.isfinite(kept) & np.isfinite(bound)
        checks.that(np.allclose(bound[there], kept[there], rtol=1e-5), "lipschitz_bound: not the product of the norms")
    checks.that((metrics["record"][()] == file["record/epoch"][()]).all(), "/metrics/record: not the epochs")


def check_probes(checks, file):
    for name, probe in file["probes"].items():
        energy = probe["energy"]
        names = dim_names(energy)
        # What was measured while training lies along records; what came after, from the weights, along snapshots.
        when = "snapshot" if probe.attrs.get("computed_from") == "weights" else "record"
        if not checks.that(names[:2] == ("run", when) and len(names) >= 3, f"{energy.name}: dimensions {names}"):
            continue
        checks.that(energy.dtype == np.float32, f"{energy.name}: type {energy.dtype}")
        checks.that(isinstance(energy.attrs.get("kind"), str), f"{energy.name}: no attribute kind")
        checks.that(probe.attrs.get("kind") == energy.attrs.get("kind"), f"/probes/{name}: its energy has another kind")
        for dim in names[2:]:
            checks.that(probe[dim].dtype == np.float64, f"{probe[dim].name}: type {probe[dim].dtype}")
        for run in range(energy.shape[0]):
            values = energy[run]
            checks.that((np.isnan(values) | (values >= 0)).all(), f"{energy.name}: negative in run {run}")
        first = energy[..., 0].reshape(energy.shape[0], energy.shape[1], -1)
        due = slice(-1, None) if probe.attrs.get("at", "all") == "last" else slice(None)
        check_missing(checks, file, energy.name, first, when, due=due)
        checks.that(due.start is None or np.isnan(first[:, :-1]).all(), f"{energy.name}: values before the last {when}")
        checks.that((probe[when][()] == file[f"{when}/epoch"][()]).all(), f"/probes/{name}/{when}: not the epochs")
        for extra in probe.values():
            if not is_scale(extra) and extra.name != energy.name:
                first = dim_names(extra)[0]
                checks.that("run" not in dim_names(extra), f"{extra.name}: differs from run to run")
                several = len(file["data/dataset"]) > 1
                checks.that(several == (first == "dataset"), f"{extra.name}: begins with {first}")


def check_weights(checks, file):
    weights, numbers = file["weights"], file["runs/run"][()]
    if not checks.that(set(weights) == {str(r) for r in numbers}, "/weights: not one group for each run"):
        return
    status, parameters = file["runs/status"][()], file["runs/parameters"][()]
    diverged, steps = file["runs/diverged_step"][()], steps_of(file, "snapshot")
    for r, number in enumerate(numbers):
        run = weights[str(number)]
        layers = len(run) - 1
        checks.that(set(run) == {str(l) for l in range(layers)} | {"snapshot"}, f"{run.name}: holds {sorted(run)}")
        checks.that((run["snapshot"][()] == file["snapshot/epoch"][()]).all(), f"{run.name}/snapshot: not the epochs")
        count, units = 0, None
        for l in range(layers):
            weight, bias = run[f"{l}/weight"], run[f"{l}/bias"]
            check_dims(checks, weight, ["snapshot", "out", "in"], np.float32)
            check_dims(checks, bias, ["snapshot", "out"], np.float32)
            checks.that(units is None or weight.shape[2] == units, f"{weight.name}: does not fit the layer before")
            checks.that(bias.shape[1] == weight.shape[1], f"{bias.name}: does not fit its weight")
            units = weight.shape[1]
            count += weight.shape[1] * (weight.shape[2] + 1)
            values = np.concatenate([weight[()].reshape(len(weight), -1), bias[()]], axis=1)
            after = (steps[r] > diverged[r]) & (diverged[r] >= 0)
            checks.that(np.isnan(values[after]).all(), f"{weight.name}: values after the run diverged")
            there = not np.isnan(values[~after]).any()
            checks.that(status[r] == MISSING or there, f"{weight.name}: values are missing")
        checks.that(count == parameters[r], f"{run.name}: {count} parameters, /runs/parameters says {parameters[r]}")


def check_data(checks, file):
    data = file["data"]
    lead = ["dataset"] if len(data["dataset"]) > 1 else []
    classes = "label_true" in data
    names = ["label_true", "label_noisy"] if classes else ["target_true", "target_noisy"]
    if "test_example" in data:
        names.append("test_label" if classes else "test_target")
    for name in names:
        if not checks.that(name in data, f"/data lacks {name}"):
            continue
        examples = ["test_example" if name.startswith("test") else "example"]
        check_dims(checks, data[name], lead + examples + ([] if classes else ["output"]),
                   np.int32 if classes else np.float32)
    for name, examples in (("train_x", "example"), ("test_x", "test_example")):
        if name in data:
            check_dims(checks, data[name], lead + [examples, "input"], np.float32)
    check_dims(checks, data["sha256"], ["dataset"])
    for name, examples in (("train_examples", "example"), ("test_examples", "test_example")):
        check_dims(checks, data[name], ["dataset"], np.int64)
        longest = len(data[examples]) if examples in data else 0
        checks.that(data[name][()].max() == longest, f"/data/{name}: not as long as its arrays")
    for name in ("inputs", "outputs", "classes"):
        checks.that(data.attrs.get(name, -1) >= 0, f"/data: no attribute {name}")
    if not lead and file.attrs["complete"] == 1:
        checks.that(data["sha256"].asstr()[0] == file.attrs["dataset_sha256"], "/data/sha256: not dataset_sha256")


def check_with_xarray(checks, path, file):
    try:
        import h5netcdf  # noqa: F401
        import xarray
    except ImportError:
        print(f"{path}: xarray or h5netcdf is not installed: not opened with them")
        return
    first = int(file["runs/run"][0])
    groups = ["runs", "record", "snapshot", "metrics", "data"]
    if "virtual" not in file.attrs:  # h5netcdf looks for the scales behind a link to another file in this one
        groups += [f"weights/{first}", f"weights/{first}/0"]
    groups += [f"probes/{name}" for name in file["probes"]]
    for group in groups:
        with xarray.open_dataset(path, group=group, engine="h5netcdf") as opened:
            for name, array in file[group].items():
                if isinstance(array, h5py.Group):
                    continue
                if not checks.that(name in opened.variables, f"/{group}/{name}: xarray does not see it"):
                    continue
                variable = opened[name]
                dims = (name,) if is_scale(array) else dim_names(array)
                checks.that(variable.dims == dims, f"/{group}/{name}: xarray sees dimensions {variable.dims}")
                checks.that(variable.shape == array.shape, f"/{group}/{name}: xarray sees shape {variable.shape}")
                units = variable.attrs.get("units")
                checks.that(units == array.attrs["units"], f"/{group}/{name}: xarray sees units {units}")
                variable.load()
    with xarray.open_dataset(path, group="metrics", engine="h5netcdf") as opened:
        last = int(file["record/epoch"][-1])
        picked = opened.test_loss.sel(run=first, record=last)
        checks.that(np.array_equal(picked.values, file["metrics/test_loss"][0, -1], equal_nan=True),
                    "xarray: test_loss of run 0 at the last epoch is another")


def deviations_of(path):
    """All that is not as the format says, one line each."""
    checks = Checks(path)
    with h5py.File(path, "r") as file:
        check_root(checks, file)
        arrays = []
        file.visititems(lambda _, item: arrays.append(item) if isinstance(item, h5py.Dataset) else None)
        for array in arrays:
            check_array(checks, file, array)
        if checks.deviations:
            return checks.deviations
        check_runs(checks, file)
        for name in ("record", "snapshot"):
            check_schedule(checks, file, name)
        check_metrics(checks, file)
        check_probes(checks, file)
        check_weights(checks, file)
        check_data(checks, file)
        check_with_xarray(checks, path, file)
    return checks.deviations


def check_file(path):
    """deviations_of, for files that may be anything."""
    try:
        return deviations_of(path)
    except (OSError, KeyError, AttributeError, ValueError, TypeError, IndexError) as error:
        return [f"cannot be read as the format says: {type(error).__name__}: {error}"]


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    status = 0
    for path in sys.argv[1:]:
        deviations = check_file(path)
        for deviation in deviations:
            print(f"{path}: {deviation}")
        status = 1 if deviations else status
    return status


if __name__ == "__main__":
    sys.exit(main())
