"""Say how many mutants of each file the tests have killed, and which ones they have not noticed."""

import json
import sys
import tomllib
from pathlib import Path

FOLDER = Path("mutants")
MOST = 0.1  # share of a file's mutants that may survive
KILLED, TIMED_OUT = (
    {1, 3},
    {-24, 24, 36, 152, 255},
)  # mutmut's exit codes; an endless loop is noticed too
SURVIVED = {0, 5, 33}  # the latter two: no test comes by


def main() -> None:
    """Prints a line a file and the names of the survivors, for `mutmut show`; exits 1 if a file has too many.

    Those that ran out of time are named too: what is no endless loop may have been held up by other work, and is worth
    another `mutmut run` by its name.
    """
    survivors, late, too_many, tried = [], [], [], set()
    print(f"{'file':<34}{'mutants':>8}{'killed':>8}{'timeouts':>10}{'crashed':>9}{'survived':>10}")
    for file in sorted(FOLDER.rglob("*.py.meta")):
        codes = {name: code for name, code in read(file).items() if code is not None}
        if not codes:
            continue
        tried.add(file.name.removesuffix(".meta"))
        killed, timed_out, survived = (
            [name for name, code in codes.items() if code in kind]
            for kind in (KILLED, TIMED_OUT, SURVIVED)
        )
        crashed = len(codes) - len(killed) - len(timed_out) - len(survived)
        name = str(file.relative_to(FOLDER)).removesuffix(".meta")
        counts = (
            f"{len(codes):>8}{len(killed):>8}{len(timed_out):>10}{crashed:>9}{len(survived):>10}"
        )
        print(f"{name:<34}{counts}{len(survived) / len(codes):>8.1%}")
        survivors += survived
        late += timed_out
        too_many += [name] if len(survived) >= MOST * len(codes) else []
    print("\n".join(["timeouts:", *late, "survivors:", *survivors]))
    if missing := expected(sys.argv[1:]) - tried:
        sys.exit(f"error: no mutants were tried of {', '.join(sorted(missing))}")
    if too_many:
        sys.exit(f"error: a tenth of the mutants or more survive in {', '.join(too_many)}")


def expected(only: list[str]) -> set[str]:
    """Returns the names of the files whose mutants are to be tried: all, or those of the modules given."""
    files = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]["only_mutate"]
    return {Path(file).name for file in files if not only or Path(file).stem in only}


def read(file: Path) -> dict[str, int | None]:
    """Returns the exit code of the tests by the mutant's name, None if it was not tried."""
    return json.loads(file.read_text())["exit_code_by_key"]


if __name__ == "__main__":
    main()
