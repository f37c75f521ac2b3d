"""check_ptxas.py sees what it is there to see, in words as ptxas writes them."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from check_ptxas import faults, parse  # noqa: E402

WORDS = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z4goodPf' for 'sm_{arch}'
ptxas info    : Function properties for _Z4goodPf
    0 bytes stack frame, {stores} bytes spill stores, {loads} bytes spill loads
ptxas info    : Used {registers} registers, used 1 barriers, {shared} bytes smem, 400 bytes cmem[0]
"""


def words(arch="90", stores=0, loads=0, registers=40, shared=26112):
    return parse(WORDS.format(arch=arch, stores=stores, loads=loads, registers=registers, shared=shared))


class CheckPtxas(unittest.TestCase):

    def test_a_kernel_without_spills_is_well(self):
        self.assertEqual(words(), {("_Z4goodPf", "90"): {"spills": 0, "registers": 40, "shared": 26112}})
        self.assertEqual(list(faults(words(), {"good"}, ["90"])), [])

    def test_spills_are_named_with_their_kernel(self):
        for found in (words(stores=4), words(loads=4)):
            self.assertEqual(list(faults(found, {"good"}, ["90"])), ["_Z4goodPf, sm_90: 4 bytes of spills; expected none"])

    def test_too_much_shared_memory_is_named(self):
        self.assertIn("49153 bytes of static shared memory", list(faults(words(shared=49153), {"good"}, ["90"]))[0])

    def test_a_kernel_or_an_architecture_that_is_missing_is_named(self):
        self.assertIn("bad, sm_90", list(faults(words(), {"good", "bad"}, ["90"]))[0])
        self.assertIn("good, sm_80", list(faults(words(), {"good"}, ["80", "90"]))[0])

    def test_spills_of_a_function_that_was_not_inlined_are_not_the_kernels(self):
        text = WORDS.format(arch="90", stores=0, loads=0, registers=40, shared=0)
        text += "ptxas info    : Function properties for _Z5otherf\n" \
                "    8 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads\n"
        self.assertEqual(parse(text)["_Z4goodPf", "90"]["spills"], 0)


if __name__ == "__main__":
    unittest.main()
