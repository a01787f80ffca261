# SPDX-License-Identifier: MIT
"""Writes the tables of atoms and operators into the pages of this folder.

A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`.
"""

from __future__ import annotations

import re
from pathlib import Path

from gramless import _core

DOCS = Path(__file__).parent
OPERATORS = DOCS.parent / "gramless" / "formula" / "operators.cpp"

# Names of operands: one of each letter, and where there are several.
LETTERS = {"s": "s", "r": "r", "v": "v"}
INTEGERS = {"ElemT": "nm", "Extract": "mn", "ExtractT": "mn"}

# The width of a result, where f and g stand for the widths of operands.
WIDTHS = {
    "elementwise": "of operands",
    "normalized": "of operands",
    "contraction": "1",
    "weighted": "1",
    "repeat": "n",
    "largest": "1",
    "smallest": "1",
    "element": "1",
    "place": "n",
    "extract": "n",
    "insert": "n",
    "concat": "f + g",
    "one_hot": "n",
    "matrix": "f / g",
    "transpose": "g / f",
    "outer": "f g",
    "gradient": "of v",
}

# What an atom's parameters take, and what its formulas have in short.
PARAMETERS = {"-": "None", "m": "scalar, diagonal or matrix", "s": "scalar"}
SHORT = {
    "WeightedSqNorm({G}, Sin(3.141592653589793*{H}*({X} - {Y})))": "p",
    "WeightedSqDist({G},{X},{Y})": "q",
    "({X}|{Y})": "s",
    "{G}": "g",
    "{H}": "h",
}


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def in_short(formula: str) -> str:
    for long, short in SHORT.items():
        formula = formula.replace(long, short)
    return re.sub("Exp|Log|Sqrt", lambda word: word[0].lower(), formula)


def atoms() -> list[list[str]]:
    """Returns name, value, logarithm and gamma of each atom."""
    return [
        [
            name,
            in_short(value),
            in_short(log),
            "; ".join(PARAMETERS[kind] for kind in parameters),
        ]
        for name, parameters, value, log, _ in _core.catalogue()
    ]


def atom_table() -> str:
    rows = [
        row(*(f"`{cell}`" for cell in cells), gamma)
        for *cells, gamma in atoms()
    ]
    head = row("atom", "value k", "logarithm", "`gamma`")
    return "\n".join([head, "|---|---|---|---|", *rows])


def call_of(name: str, operands: str) -> str:
    """Returns how an operator is written, such as `Scal(s, f)`."""
    formulas = iter("fgh")
    integers = iter(INTEGERS.get(name, "n"))
    names = []
    for kind in operands:
        if kind == "f":
            names.append(next(formulas))
        else:
            names.append(next(integers) if kind == "n" else LETTERS[kind])
    return f"{name}({', '.join(names)})"


def operators() -> list[dict[str, str]]:
    """Returns the rows of the engine's own table."""
    pattern = re.compile(
        r'Row\{"(?P<name>\w+)",\s*"(?P<operands>\w+)",\s*(?P<kind>\w+),'
        r'\s*"(?P<text>[^"]*)",\s*"(?P<description>[^"]*)"'
    )
    source = OPERATORS.read_text("utf-8").split("kEngineFunctions")[0]
    found = [match.groupdict() for match in pattern.finditer(source)]
    if len(found) != source.count("Row{"):
        raise ValueError(f"operators(): expected to read all of {OPERATORS}.")
    return found


def width_of(operator: dict[str, str]) -> str:
    if operator["kind"] == "constant":
        return "1" if operator["text"] else "n"
    return WIDTHS[operator["kind"]]


def operator_table() -> str:
    signs = dict(_core.operator_signs())
    rows = [
        row(
            f"`{call_of(operator['name'], operator['operands'])}`",
            operator["description"].replace("|", "\\|").replace("*", "\\*"),
            width_of(operator),
            signs[operator["name"]].replace("nonnegative", "≥ 0"),
        )
        for operator in operators()
    ]
    head = row("operator", "value", "width", "sign")
    return "\n".join([head, "|---|---|---|---|", *rows])


TABLES = {
    "kernels.md": ("atoms", atom_table),
    "formulas.md": ("operators", operator_table),
}


def with_table(text: str, name: str, table: str) -> str:
    """Returns a page with the table of that name replaced."""
    begin, end = f"<!-- table: {name} -->\n", "\n<!-- end of table -->"
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{table}\n{end}{after}"


def main() -> None:
    for page, (name, make) in TABLES.items():
        path = DOCS / page
        text = with_table(path.read_text("utf-8"), name, make())
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
