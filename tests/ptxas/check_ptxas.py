#!/usr/bin/env python3
"""What ptxas -v said of the kernels when they were built: no spills, and shared memory within what a block may have.

    check_ptxas.py FOLDER ARCHITECTURE... [--kernels FOLDER]

FOLDER holds the words of each object's compilation (*.words, kept by keep_words.sh). Every architecture (80, 90, ...)
must be there, with every kernel that FOLDER of --kernels declares. Exit status: 0 all is well; 1 a line for each fault.
"""

import argparse
import pathlib
import re
import sys

STATIC_SHARED = 48 * 1024  # what a kernel may have of static shared memory, on every device
REGISTERS = 255
ENTRY = re.compile(r"Compiling entry function '(\w+)' for 'sm_(\d+)\w?'")
SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers")
SHARED = re.compile(r"(\d+) bytes smem")
DECLARED = re.compile(r"__global__\s+void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\(")


def parse(text):
    """(kernel, architecture) -> {"spills", "registers", "shared"} of one compilation."""
    found, at = {}, None
    for line in text.splitlines():
        entry, spills, used = ENTRY.search(line), SPILLS.search(line), USED.search(line)
        if entry:
            at = found.setdefault((entry[1], entry[2]), {})
        elif "Function properties for" in line:
            of_entry = at is not None and any(at is kernel and name in line for (name, _), kernel in found.items())
            at = at if of_entry else None  # of a device function that was not inlined
        elif spills and at is not None:
            at["spills"] = int(spills[2]) + int(spills[3])
        elif used and at is not None:
            shared = SHARED.search(line)
            at.update(registers=int(used[1]), shared=int(shared[1]) if shared else 0)
    return found


def faults(found, declared, architectures):
    """A line for each thing that is not as it should be."""
    for (name, architecture), kernel in sorted(found.items()):
        if not {"spills", "registers", "shared"} <= set(kernel):
            yield f"{name}, sm_{architecture}: ptxas did not say what it takes"
            continue
        if kernel["spills"] > 0:
            yield f"{name}, sm_{architecture}: {kernel['spills']} bytes of spills; expected none"
        if kernel["shared"] > STATIC_SHARED:
            yield f"{name}, sm_{architecture}: {kernel['shared']} bytes of static shared memory; at most {STATIC_SHARED}"
        if kernel["registers"] > REGISTERS:
            yield f"{name}, sm_{architecture}: {kernel['registers']} registers; at most {REGISTERS}"
    for architecture in architectures:
        names = [name for name, of in found if of == architecture]
        for kernel in sorted(declared):
            mangled = f"{len(kernel)}{kernel}"  # as the C++ ABI writes a name
            if not any(mangled in name for name in names):
                yield f"{kernel}, sm_{architecture}: ptxas said nothing of it; was it compiled with SPECTRAIN_PTXAS_VERBOSE?"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("architectures", nargs="+")
    parser.add_argument("--kernels", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    found = {}
    for words in sorted(arguments.folder.rglob("*.words")):
        found.update(parse(words.read_text(errors="replace")))
    declared = {name for source in arguments.kernels.glob("*.cu") for name in DECLARED.findall(source.read_text())}
    wrong = list(faults(found, declared, arguments.architectures))
    for line in wrong:
        print(line)
    most = {a: max((k.get("registers", 0) for (_, of), k in found.items() if of == a), default=0)
            for a in arguments.architectures}
    print(f"{len(found)} kernels compiled, {len(declared)} declared; most registers: " +
          ", ".join(f"sm_{a} {n}" for a, n in most.items()))
    return 1 if wrong or not declared else 0


if __name__ == "__main__":
    sys.exit(main())
