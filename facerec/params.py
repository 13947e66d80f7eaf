"""Typed access to params.yaml, the only place that holds settings."""

from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

PARAMS_FILE = Path("params.yaml")

# Keys and sections of earlier versions, with * for any name: the key of today, or a sentence.
RENAMED: dict[str, str] = {
    "heads": "recognizers: {arcface: {alignment: 5, head: {type: arcface, …}}}",
    "recognizers.*.type": "recognizers.<name>.head.type, with the head's other keys",
    "recognizers.*.head.photos_together": "samples_per_class",
    "audit.head": "audit.recognizer: {alignment: 5, head: {type: ce, …}}",
    "evaluate.bootstrap": "evaluate.bootstrap_resamples",
    "publish.head": "publish.recognizer",
    "crop.pixels": "crop.image_size",
    "align.pixels": "align.image_size",
    "synthesize.bad_share": "synthesize.flaw_prob",
    "synthesize.swapped_share": "synthesize.label_noise",
    "select.copy_bits": "select.max_hash_distance, and 1 less",
    "select.fill_up": "select.allow_rejected",
    "audit.doubtful": "audit.review_odds",
    "audit.certain": "audit.exclude_odds",
    "audit.pixels": "audit.image_size",
    "audit.twin_share": "audit.min_identity_confusion",
    "hourglass.pixels": "hourglass.image_size",
    "hourglass.looks": "hourglass.refine_steps, one less than looks was",
    "hourglass.detail": "hourglass.crop_oversampling",
    "hourglass.batch": "hourglass.batch_size",
    "hourglass.gray": "hourglass.grayscale_prob",
    "hourglass.blur": "hourglass.blur_prob",
    "hourglass.erase": "hourglass.erase_prob",
    "hourglass.turned_power": "hourglass.profile_oversampling",
    "recognizer.batch": "recognizer.batch_size",
    "recognizer.gray": "recognizer.grayscale_prob",
    "recognizer.erase": "recognizer.erase_prob",
}

# Precision of a network's layers; `devices.autocast` says what auto is.
Precision = Literal["auto", "bf16", "fp32"]


class Params(BaseModel):
    """One section of params.yaml.

    Subclasses declare its keys. No key has a default, so DVC sees every value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @classmethod
    def load(cls, section: str, file: Path = PARAMS_FILE) -> Self:
        """Returns the checked section.

        Args:
            section: its name; dots descend, as in `recognizers.arcface`.
            file: the YAML file.

        Raises:
            ValueError: the file cannot be parsed, the section is absent, or a key in it is unknown,
                missing, of a wrong type or out of range; the message names the file and the key.
        """
        values = _descend(read_yaml(file), section, file)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = []
            for problem in error.errors():
                key = _key(section, values, problem["loc"])
                problems.append(f"  {key}: {_explain(cls, key, problem)}")
            raise ValueError("\n".join([f"{file}:", *problems])) from None


def read_yaml(file: Path) -> dict[str, Any]:
    """Returns the sections, unchecked.

    Raises:
        ValueError: the file is absent, or not sections in YAML.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _KeysOnce)
    except FileNotFoundError:
        raise ValueError(f"{file}: no such file; run from the repository's root") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(
            f"{file}: expected sections such as `select:`, got {type(content).__name__}"
        )
    return content


class _KeysOnce(yaml.SafeLoader):
    """Refuses a mapping with a key twice; YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                message = f"`{key.value}` is there twice"
                raise yaml.constructor.ConstructorError(None, None, message, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _descend(content: dict[str, Any], section: str, file: Path) -> Any:
    for key in section.split("."):
        if not isinstance(content, dict) or key not in content:
            raise ValueError(f"{file}: no section `{section}`")
        content = content[key]
    return content


def renamed(key: str) -> str | None:
    """Returns what to say about a key or section of an earlier version, None about any other."""
    new_names = [
        new
        for old, new in RENAMED.items()
        if fnmatch(key, old) and key.count(".") == old.count(".")
    ]
    return f"is now {new_names[0]}" if new_names else None


def _key(section: str, values: Any, location: tuple[str | int, ...]) -> str:
    """Returns the dotted key of an error; Pydantic's location also has types of heads, left out."""
    names = [section]
    for place, name in enumerate(location):
        is_list = isinstance(values, list)
        is_key = is_list or (isinstance(values, dict) and name in values)
        if is_key:
            values = values[name]
        if is_key or place == len(location) - 1:
            names.append(str(name))
    return ".".join(names)


def _explain(cls: type[BaseModel], key: str, error: Any) -> str:
    if error["type"] == "extra_forbidden":
        if new := renamed(key):
            return new
        return f"unknown key; known here: {_known(cls, error['loc'][:-1])}"
    if error["type"] == "missing":
        return "missing"
    if error["type"] == "value_error":  # a rule between keys has its own message
        return str(error["ctx"]["error"])
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, got {error['input']!r}"


def _known(cls: type[BaseModel], path: tuple[str | int, ...]) -> str:
    """Returns the keys of the section, or of the section inside it at this path."""
    inner: Any = cls
    for key in path:
        choices = get_args(inner)  # of a union, whose next key is a type
        if choices:
            inner = next(c for c in choices if key in get_args(c.model_fields["type"].annotation))
        elif isinstance(inner, type) and issubclass(inner, BaseModel) and key in inner.model_fields:
            inner = inner.model_fields[str(key)].annotation
        else:
            return "see the profiles"
    if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
        return "see the profiles"
    return ", ".join(inner.model_fields)
