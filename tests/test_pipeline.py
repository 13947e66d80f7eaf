"""The DAG itself: what dvc.yaml declares is what the code uses."""

import ast
import shlex
from functools import cache
from pathlib import Path

import pytest
import yaml

from facerec import cli
from tools.profile import composed, names

ROOT = Path(__file__).parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
CHECK, CHECKED = "check_params", "data/params_checked.txt"
OF_MODULES = [name for name in STAGES if name != CHECK]  # stages/<name>.py each
LIBRARY = sorted(path for path in (ROOT / "facerec").rglob("*.py") if path.name != "__init__.py")
PROFILES = {name: yaml.safe_load(composed(name)) for name in names()}


@cache
def imported(module: Path) -> frozenset[Path]:
    """Returns the project's own modules that this one imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        files = [ROOT / f"{name.replace('.', '/')}.py" for name in names]
        files += [ROOT / name.split(".")[0] / "__init__.py" for name in names]
        found |= {file for file in files if file.is_file() and _has_code(file)}
    return frozenset(found)


def _has_code(file: Path) -> bool:
    """Returns whether a module has more than a docstring."""
    return len(ast.parse(file.read_text()).body) > 1


def closure(module: Path) -> set[str]:
    """Returns the module and all that it reaches, as dvc.yaml writes them."""
    seen, waiting = set(), [module]
    while waiting:
        if (current := waiting.pop()) not in seen:
            seen.add(current)
            waiting += imported(current)
    return {str(file.relative_to(ROOT)) for file in seen}


def definition(name: str) -> dict:
    return STAGES[name].get("do", STAGES[name])


@pytest.mark.parametrize("name", OF_MODULES)
def test_deps_cover_the_code_that_a_stage_imports_and_no_more(name):
    declared = {dep for dep in definition(name)["deps"] if dep.startswith(("facerec", "stages"))}
    modules = closure(ROOT / "stages" / f"{name}.py")
    covering = {module: [dep for dep in declared if _covers(dep, module)] for module in modules}
    assert all(len(deps) == 1 for deps in covering.values()), covering
    assert {deps[0] for deps in covering.values()} == declared


def _covers(dep: str, module: str) -> bool:
    return module == dep or module.startswith(f"{dep}/")


LAYERS = [  # a package imports those before it, or its own
    {"annotation_names", "params", "progress", "files", "geometry"},
    {"parallel", "tables", "random_order"},
    {"imaging", "data", "run_record"},
    {"networks", "detection"},
    {"training", "selection", "synthetic", "metrics"},
    {"landmarks", "recognition"},
    {"evaluation", "audit", "alignment", "model_card", "collections"},
    {"inference", "deployment", "report", "gallery"},
    {"engine"},
    {"commands"},
    {"app"},
    {"cli"},
    {"__main__"},
]


@pytest.mark.parametrize(
    "module", LIBRARY, ids=lambda path: str(path.relative_to(ROOT / "facerec"))
)
def test_no_package_imports_upward(module):
    layer_of = {name: layer for layer, names in enumerate(LAYERS) for name in names}

    def package(file: Path) -> str:
        return file.relative_to(ROOT / "facerec").parts[0].removesuffix(".py")

    for file in imported(module):
        if file.name != "__init__.py" and package(file) != package(module):
            assert layer_of[package(file)] < layer_of[package(module)], file


@pytest.mark.parametrize("name", OF_MODULES)
def test_every_path_of_the_command_is_declared_once(name):
    stage = definition(name)
    paths = [
        word
        for word in shlex.split(stage["cmd"])[3:]
        if "/" in word or word.startswith(("${dataset", "${detector", "${select", "${recognizer"))
    ]
    declared = [
        dep for dep in stage["deps"] if not dep.startswith(("facerec", "stages")) and dep != CHECKED
    ]
    for kind in ("outs", "metrics", "plots"):
        declared += [
            next(iter(out)) if isinstance(out, dict) else out for out in stage.get(kind, [])
        ]
    assert len(set(declared)) == len(declared)
    assert sorted(paths) == sorted(declared)


def test_all_stages_wait_for_the_check_of_the_parameters():
    check = STAGES[CHECK]
    assert check["outs"] == [CHECKED] and {"params.yaml", "stages", "facerec"} <= set(check["deps"])
    after = {CHECKED}
    for name in OF_MODULES:  # in their order
        if name == "publish":  # tried in test_faults_params.py
            continue
        stage = definition(name)
        assert any(
            out == dep or out.startswith(f"{dep}/") for out in after for dep in stage["deps"]
        ), name
        after |= set(stage["outs"])


def test_the_command_line_has_all_stages_in_their_order():
    assert list(cli.STAGES) == OF_MODULES
    modules = [*(f"stages.{name}" for name in cli.STAGES), *cli.COMMANDS.values()]
    assert all((ROOT / f"{name.replace('.', '/')}.py").is_file() for name in modules)


@pytest.mark.parametrize(
    "module", LIBRARY, ids=lambda path: str(path.relative_to(ROOT / "facerec"))
)
def test_the_library_knows_no_stage_and_reads_no_parameters(module):
    tree = ast.parse(module.read_text())
    assert not [file for file in imported(module) if file.parent.name == "stages"]
    if module != ROOT / "facerec/cli.py":  # the command line imports a stage by its name
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
        assert not [text for text in texts if isinstance(text, str) and text.startswith("stages.")]
    loads = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.Attribute) and n.attr == "load" and _is_params(n.value)
    ]
    assert not loads or module.stem in {"params", "head_params"}


def _is_params(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id.endswith("Params")


def test_params_yaml_is_the_first_run():
    assert (ROOT / "params.yaml").read_text() == composed("first_run")


def test_no_parameter_has_a_name_that_the_run_cache_ignores():
    def keys(content: object) -> set[str]:
        if not isinstance(content, dict):
            return set()
        return set(content) | set().union(*(keys(value) for value in content.values()), set())

    for profile in PROFILES.values():
        assert not keys(profile) & {"size", "nfiles"}


def test_no_stage_after_the_hourglass_asks_for_annotated_points():
    """Recognition runs on boxes alone: all points are predicted, also those of the slices."""
    later = [*STAGES][[*STAGES].index("train_hourglass") + 1 :]
    assert later[0] == "align" and "train_recognizer" in later
    for name in later:
        data = {
            dep for dep in definition(name)["deps"] if not dep.startswith(("facerec", "stages"))
        }
        assert not [dep for dep in data if dep.startswith("${dataset")], name
        assert name == "align" or "data/cropped_landmarks.csv" not in data, (
            name
        )  # it takes the squares alone
        asking = {
            file
            for file in closure(ROOT / "stages" / f"{name}.py")
            if _asks_for_points(ROOT / file)
        }
        found = {
            "facerec/evaluation/quality.py",
            "facerec/evaluation/slices.py",
            "stages/evaluate.py",
            "facerec/recognition/references.py",  # these put those of the hourglass in their place
            "facerec/report/faces.py",  # which only shows how far off the found ones are
        }
        assert asking <= {"facerec/annotation_names.py", "facerec/tables.py", *found}, name


def test_recognisers_never_see_the_photographs_for_landmarks_only():
    users = [name for name in STAGES if "data/landmarks_only.csv" in definition(name)["deps"]]
    assert users == ["crop", "train_hourglass", "align"]  # align leaves them out


def _asks_for_points(module: Path) -> bool:
    """Returns whether a module takes the ten landmark columns from a table's rows."""
    text = module.read_text()
    return "tables.points(" in text or "LANDMARKS" in text
