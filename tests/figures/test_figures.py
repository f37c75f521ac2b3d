"""Tests of experiments/figures.py on synthetic files."""

import contextlib
import importlib.util
import io
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import warnings

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
EXPERIMENTS = os.path.join(HERE, "..", "..", "experiments")
sys.path[:0] = [HERE, EXPERIMENTS]

if importlib.util.find_spec("matplotlib") is None:
    sys.exit("SKIPPED: no matplotlib for " + sys.executable)

import figures  # noqa: E402
import figure_style as style  # noqa: E402
from make_synthetic import WIDTHS, write  # noqa: E402
from sweep_file import SweepFile  # noqa: E402

FEW = [2, 21, 47, 61, 300]


def run(*argv):
    """Exit status, standard output and standard error of the command; warnings of ours are errors."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            code = figures.main(list(argv))
        except SystemExit as leaving:
            code = leaving.code
    return code, out.getvalue(), err.getvalue()


def content_of(path):
    with open(path, "rb") as file:
        return file.read()


def png_width_and_resolution(path):
    """Pixels across, and pixels an inch, out of a PNG's header chunks."""
    data = content_of(path)
    width = struct.unpack(">I", data[16:20])[0]
    at = data.index(b"pHYs")
    return width, struct.unpack(">I", data[at + 4:at + 8])[0] * 0.0254


class WithFile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "sweep.h5")
        self.out = os.path.join(self.folder, "out")

    def draw(self, *more):
        return run(self.path, "-o", self.out, "--format", "svg", *more)

    def drawn(self):
        return sorted(os.listdir(self.out))


class Commands(WithFile):
    def test_every_figure_is_written_in_every_format_at_the_size_of_a_page(self):
        write(self.path)
        code, captions, complaints = run(self.path, "-o", self.out)
        self.assertEqual((code, complaints), (0, ""))
        self.assertEqual(self.drawn(), ["sweep_epochs.png", "sweep_epochs.svg", "sweep_spectrum_line_train.png",
                                        "sweep_spectrum_line_train.svg", "sweep_width.png", "sweep_width.svg"])
        for name, inches in (("width", 3.4), ("epochs", 7.0), ("spectrum_line_train", 7.0)):
            width, resolution = png_width_and_resolution(os.path.join(self.out, f"sweep_{name}.png"))
            self.assertAlmostEqual(resolution, 300, delta=0.1)
            self.assertEqual(width, round(300 * inches))
        self.assertEqual(len(captions.splitlines()), 3)

    def test_captions_hold_the_numbers_of_the_file(self):
        write(self.path)
        code, captions, _ = self.draw()
        self.assertEqual(code, 0)
        with h5py.File(self.path) as file:
            error = file["metrics/test_error"][:, -1].reshape(len(WIDTHS), 3)
        mean, deviation = error.mean(axis=1), error.std(axis=1, ddof=1)
        peak = 8 + int(np.argmax(mean[8:]))  # width 21 is where the first descent ends
        self.assertIn(f"peak {mean[peak]:.3f} +- {deviation[peak]:.2g} at width {WIDTHS[peak]}", captions)
        self.assertIn(f"last {mean[-1]:.3f} +- {deviation[-1]:.2g} at width 300", captions)
        self.assertIn("(mean training error below 1 %): width 61", captions)

    def test_widths_and_the_threshold_can_be_chosen(self):
        write(self.path, axes={"model.width": FEW}, probe=None)
        _, captions, _ = self.draw("--widths", "2,300", "--threshold", "0.1")
        self.assertIn("(mean training error below 10 %): width 47", captions)
        self.assertIn("(a) width 2, 1 seed. ", captions)
        self.assertIn("(b) width 300, 1 seed. ", captions)
        self.assertNotIn("(c)", captions)

    def test_another_key_can_be_on_the_x_axis(self):
        write(self.path, axes={"model.width": [21, 47], "train.optimizer.lr": [0.01, 0.1]}, epochs=[0, 1, 10],
              probe=None)
        code, captions, _ = self.draw("--x", "train.optimizer.lr")
        self.assertEqual(code, 0)
        self.assertIn("model.width = 21: ", captions)
        self.assertIn("(a) lr 0.01, 1 seed. ", captions)
        self.assertIn("sweep_lr_model.width=47.svg", self.drawn())

    def test_further_swept_keys_get_figures_of_their_own(self):
        write(self.path, axes={"model.hidden_layers": [1, 2], "model.width": [2, 47], "train.seed": [0, 1]},
              epochs=[0, 1, 10])
        code, captions, _ = self.draw()
        self.assertEqual(code, 0)
        self.assertEqual(len(self.drawn()), 6)
        self.assertIn("sweep_width_model.hidden_layers=2.svg", self.drawn())
        self.assertIn("model.hidden_layers = 2: Mean of 2 seeds", captions)

    def test_it_runs_as_a_program(self):
        write(self.path, axes={"model.width": [2, 47]}, epochs=[0, 1], probe=None)
        done = subprocess.run([sys.executable, "-B", os.path.join(EXPERIMENTS, "figures.py"), self.path, "-o", self.out,
                               "--format", "svg"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "figures.py: sweep_spectrum: not drawn: the file has no probe\n")


class UnusualFiles(WithFile):
    def test_a_single_run_has_no_figure_against_width_and_says_why(self):
        write(self.path, axes={})
        code, captions, complaints = self.draw()
        self.assertEqual(code, 0)
        self.assertIn("sweep_width: not drawn: no swept key besides the seed", complaints)
        self.assertEqual(self.drawn(), ["sweep_epochs.svg", "sweep_spectrum_line_train.svg"])
        self.assertIn("One seed each.", captions)

    def test_a_sweep_of_seeds_alone_has_bands(self):
        write(self.path, axes={"train.seed": [0, 1, 2]}, probe=None)
        code, captions, _ = self.draw()
        self.assertEqual(code, 0)
        self.assertIn("(a) 3 seeds.", captions)
        self.assertIn("bands: lowest to highest", captions)

    def test_a_key_of_words_has_one_place_for_each(self):
        write(self.path, axes={"model.init": ["pytorch", "he"], "train.seed": [0, 1]}, epochs=[0, 1, 10], probe=None)
        code, captions, _ = self.draw()
        self.assertEqual(code, 0)
        self.assertIn("init he", captions)

    def test_missing_metrics_are_named_and_the_rest_is_drawn(self):
        write(self.path, axes={"model.width": FEW}, without=("test_error", "noisy_fit"))
        code, captions, _ = self.draw()
        self.assertEqual(code, 0)
        self.assertIn("Not in the file: test error, noisy labels fitted.", captions)
        write(self.path, axes={"model.width": FEW}, without=("test_error", "train_error", "noisy_fit"), probe=None)
        code, _, complaints = self.draw()
        self.assertEqual(code, 0)
        self.assertIn("sweep_epochs: not drawn: the file holds no errors", complaints)

    def test_a_sweep_that_never_interpolates_says_so(self):
        write(self.path, axes={"model.width": [2, 5, 12, 21]}, probe=None)
        code, captions, _ = self.draw()
        self.assertEqual(code, 0)
        self.assertIn("No setting reaches a mean training error below 1 %", captions)

    def test_an_incomplete_file_says_so_in_the_figure_and_the_caption(self):
        write(self.path, axes={"model.width": FEW, "train.seed": [0, 1]}, missing=[3, 8, 9], diverged=[0],
              complete=False)
        code, captions, _ = self.draw()
        self.assertEqual(code, 0)
        words = "incomplete: 7 of 10 runs; 1 diverged"
        for caption in captions.splitlines():
            self.assertTrue(caption.endswith(f"[{words}]"), caption)
        with SweepFile(self.path) as file:
            options = figures.arguments([self.path])
            figure, _ = figures.draw_width(file, file.families("model.width")[0], "model.width", options)
            self.assertIn(words, [text.get_text() for text in figure.texts])
            style.plt.close(figure)

    def test_a_run_that_diverged_is_left_out_of_the_mean(self):
        write(self.path, axes={"model.width": [2, 47], "train.seed": [0, 1]}, diverged=[3])
        with SweepFile(self.path) as file:
            self.assertEqual(file.usable(file.families("model.width")[0].settings[1]), [2])

    def test_a_record_at_epoch_0_alone_is_drawn(self):
        write(self.path, axes={"model.width": [2, 47]}, epochs=[0])
        self.assertEqual(self.draw()[0], 0)

    def test_a_constant_network_has_a_map(self):
        write(self.path, axes={"model.width": [2, 47]}, epochs=[0, 1, 10])
        with h5py.File(self.path, "r+") as file:
            file["probes/line_train/energy"][0, :, 1:] = 0  # a dead network: frequency 0 alone
            file["probes/line_train/energy"][1, 1, :] = 0  # and one that is 0 everywhere
        self.assertEqual(self.draw()[0], 0)

    def test_many_epochs_of_a_full_batch_are_drawn(self):
        write(self.path, axes={"model.width": [47]}, epochs=range(0, 60001, 1000), n_frequencies=100)
        self.assertEqual(self.draw()[0], 0)


class Refusals(WithFile):
    def refused(self, words, *more):
        code, _, complaints = self.draw(*more)
        self.assertEqual(code, 1)
        self.assertIn(words, complaints)
        self.assertTrue(complaints.splitlines()[-1].startswith("figures.py: "), complaints)
        self.assertNotIn("Traceback", complaints)

    def test_a_file_that_is_not_there(self):
        self.refused("sweep.h5: no such file")

    def test_a_file_that_is_not_hdf5(self):
        with open(self.path, "w") as file:
            file.write("name: x\n")
        self.refused("cannot be opened as HDF5")

    def test_an_hdf5_file_of_another_kind(self):
        h5py.File(self.path, "w").close()
        self.refused("not a spectrain file")

    def test_a_later_format(self):
        write(self.path, axes={})
        with h5py.File(self.path, "r+") as file:
            file.attrs["format_version"] = 2
        self.refused("format_version is 2; these figures read 1")

    def test_a_file_without_its_records(self):
        write(self.path, axes={})
        with h5py.File(self.path, "r+") as file:
            del file["record"]
        self.refused("not laid out as a spectrain file")

    def test_a_damaged_chunk(self):
        write(self.path, axes={"model.width": FEW})
        with h5py.File(self.path) as file:
            place = file["metrics/test_error"].id.get_chunk_info(0)
        with open(self.path, "r+b") as file:
            file.seek(place.byte_offset + 8)
            file.write(b"\x55\xaa\x55\xaa")
        self.refused("sweep.h5: ")

    def test_no_run_with_a_record(self):
        write(self.path, axes={"model.width": [2, 47]}, epochs=[0, 1], missing=[0, 1], complete=False)
        self.refused("nothing to draw")

    def test_a_width_that_was_not_swept(self):
        write(self.path, axes={"model.width": FEW})
        self.refused("--widths: 6 is not a width of", "--widths", "6")
        self.refused("train.lr is not swept; swept keys: model.width", "--x", "train.lr")

    def test_a_folder_that_cannot_be_made(self):
        write(self.path, axes={"model.width": [2, 47]}, epochs=[0, 1])
        code, _, complaints = run(self.path, "-o", os.path.join(self.path, "out"), "--format", "svg")
        self.assertEqual(code, 1)
        self.assertIn("cannot be written", complaints)

    def test_a_format_that_there_is_not(self):
        code, _, complaints = run(self.path, "--format", "gif")
        self.assertEqual(code, 2)
        self.assertIn("allowed: png, svg, pdf", complaints)


class Curves(unittest.TestCase):
    def test_a_peak_rises_above_the_lowest_points_on_both_sides(self):
        self.assertEqual(figures.interior_peak(np.array([.7, .5, .55, .5, .4])), (2, 1))
        self.assertEqual(figures.interior_peak(np.array([.3, .5, .4, np.nan, .6, .2])), (4, 0))

    def test_an_end_a_slope_and_a_ripple_are_no_peaks(self):
        self.assertIsNone(figures.interior_peak(np.array([.9, .5, .3, .2])))
        self.assertIsNone(figures.interior_peak(np.array([.1, .5, .9])))
        self.assertIsNone(figures.interior_peak(np.array([.9, .5, .51, .5])))
        self.assertIsNone(figures.interior_peak(np.array([.5, .6, .3, .9])))
        self.assertIsNone(figures.interior_peak(np.array([np.nan, np.nan])))

    def test_the_threshold_is_the_first_below_the_limit(self):
        self.assertEqual(figures.interpolation_threshold([2, 4, 8, 16], [.5, .01, .009, 0], .01), 2)
        self.assertIsNone(figures.interpolation_threshold([2, 4], [.5, np.nan], .01))

    def test_shares_add_up_to_one_and_R_leaves_frequency_0_out(self):
        share, above = figures.energy_share(np.array([[[6.0, 3.0, 1.0], [0.0, 0.0, 0.0]]]))
        np.testing.assert_allclose(share[0, 0], [.6, .3, .1], rtol=1e-15)
        self.assertAlmostEqual(above[0, 0], .4)
        self.assertTrue(np.isnan(share[0, 1]).all() and np.isnan(above[0, 1]))

    def test_the_spread_leaves_missing_values_out(self):
        mean, low, high = style.spread([[1, np.nan, 3], [5, np.nan, np.nan]])
        np.testing.assert_array_equal(mean, [3, np.nan, 3])
        np.testing.assert_array_equal(low, [1, np.nan, 3])
        np.testing.assert_array_equal(high, [5, np.nan, 3])

    def test_cells_of_the_map_touch_and_epoch_0_stands_apart(self):
        axis = style.EpochAxis([0, 1, 2, 5, 10])
        left, right = axis.cells()
        np.testing.assert_array_equal(right[1:-1], left[2:])
        self.assertLess(right[0], left[1])
        position = axis.position()
        self.assertTrue(np.all((left < position) & (position < right)))
        np.testing.assert_allclose(position[1:], np.log10([1, 2, 5, 10]))


class WhatIsDrawn(WithFile):
    def test_the_line_against_width_is_the_mean_over_seeds(self):
        write(self.path)
        with SweepFile(self.path) as file:
            figure, _ = figures.draw_width(file, file.families("model.width")[0], "model.width",
                                           figures.arguments([self.path]))
            line = next(one for one in figure.axes[0].lines if one.get_label() == "test error")
            expected = file.metric("test_error")[:, -1].reshape(len(WIDTHS), 3).mean(axis=1)
        np.testing.assert_array_equal(line.get_xdata(), WIDTHS)
        np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-12)
        style.plt.close(figure)

    def test_the_map_is_the_logarithm_of_the_mean_share(self):
        write(self.path, axes={"model.width": [47], "train.seed": [0, 1]}, epochs=[1, 3, 10], n_frequencies=9)
        with SweepFile(self.path) as file:
            figure, _ = figures.draw_spectrum(file, file.families(None)[0], None, figures.arguments([self.path]),
                                              "line_train")
            energy = file.energy("line_train", [0, 1])
        mesh = figure.axes[0].collections[0].get_array().reshape(9, 3)
        expected = np.log10((energy / energy.sum(axis=2, keepdims=True)).mean(axis=0)).T
        np.testing.assert_allclose(mesh, expected, rtol=1e-12)
        style.plt.close(figure)


if __name__ == "__main__":
    style.use_style()
    unittest.main()
