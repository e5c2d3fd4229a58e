#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the sources' structure: who includes whom, sizes, licence lines.

    tools/check_layers.py [ROOT]

Prints one line for each offence, as a compiler does, and ends with 1 if there
is one. docs/architecture.md says why the rules are as they are.
"""

import pathlib
import re
import sys

# What each module may include directly; what those may include comes along.
MAY_INCLUDE = {
    "support": [],
    "ir": ["support"],
    "ops": ["ir"],
    "frontend": ["ir"],
    "analysis": ["ops"],
    "weights": ["ops"],
    "memory": ["analysis", "weights"],
    "energy": ["memory"],
    "carbon": ["support"],
    "measure": ["support"],
    "calibrate": ["energy"],
    "report": ["energy", "calibrate", "measure", "carbon"],
    "cli": ["report", "frontend"],
}

# A third-party format has one owner: nobody else may include its headers.
OWNER = {
    "onnx/": "frontend",
    "google/protobuf/": "frontend",
    "toml++/": "support",
    "Eigen/": "calibrate",
    "nlopt": "calibrate",
    "nlohmann/": "report",
    "CLI/": "cli",
}

LONGEST_FILE = 500
LONGEST_FUNCTION = 60

INCLUDE = re.compile(r'^#include [<"]([^>"]+)[>"]')
OURS = re.compile(r"(?:opcost|src)/(\w+)/")
SPDX = "SPDX-License-Identifier: Apache-2.0"


def reach(module):
    """`module` and all that it may include, directly or not."""
    return {module}.union(*(reach(m) for m in MAY_INCLUDE[module]))


def include_offences(module, lines):
    """Yields (line number, message) for includes that `module` may not have."""
    if module not in MAY_INCLUDE:
        yield 1, f"no module is called '{module}'; MAY_INCLUDE lists them"
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match[1]
        ours = OURS.match(header)
        if ours and ours[1] not in reach(module):
            yield number, f"{module} must not include {header}"
        if header == "opcost/opcost.h":
            yield number, "opcost.h is for users; include what is used"
        for prefix, owner in OWNER.items():
            if header.startswith(prefix) and owner != module:
                yield number, f"only {owner} may include <{prefix}...>"


def function_offences(lines):
    """Yields functions outside classes that are too long.

    clang-format puts the end of such a function, and of nothing else, as a
    lone brace into the first column; it begins at the last line before that
    starts there too.
    """
    begin = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "}":
            if begin and number - begin + 1 > LONGEST_FUNCTION:
                yield begin, (f"a function of {number - begin + 1} lines; the "
                              f"limit is {LONGEST_FUNCTION}")
            begin = None
        elif line[:1].isalpha():
            begin = number


def text_offences(path, lines):
    """Yields what is wrong with a file whatever it is part of."""
    if not any(SPDX in line for line in lines[:2]):
        yield 1, f"the first line must hold '{SPDX}'"
    if len(lines) > LONGEST_FILE:
        yield LONGEST_FILE + 1, (f"{len(lines)} lines; the limit is "
                                 f"{LONGEST_FILE}: what idea is missing?")
    if path.suffix in {".cc", ".h"}:
        yield from function_offences(lines)


def module_of(relative):
    """The module that a path below the root belongs to, or None."""
    parts = relative.parts
    if parts[:2] == ("include", "opcost") and len(parts) > 3:
        return parts[2]
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    return None


def sources(root):
    """Every C++ and Python file of the project, in a fixed order."""
    for folder in ("include", "src", "tests", "tools"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in {".cc", ".h", ".py"} and path.is_file():
                yield path


def check(root):
    """Returns the number of files that were checked, and all offences."""
    offences = []
    count = 0
    for path in sources(root):
        count += 1
        relative = path.relative_to(root)
        lines = path.read_text(encoding="utf-8").splitlines()
        found = list(text_offences(path, lines))
        module = module_of(relative)
        if module is not None:
            found += include_offences(module, lines)
        offences += [f"{relative}:{number}: {message}"
                     for number, message in sorted(found)]
    return count, offences


def main(arguments):
    if len(arguments) > 1 or any(a.startswith("-") for a in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    here = pathlib.Path(__file__).resolve()
    root = pathlib.Path(arguments[0]) if arguments else here.parent.parent
    count, offences = check(root)
    if count == 0:
        offences.append(f"{root}: no source files; is it the project's root?")
    print("\n".join(offences) or f"{count} files keep to the rules")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
