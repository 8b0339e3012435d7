"""Files of settings: built-in profiles, what each file extends, and which value wins."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pipeline.config.settings import Origin, Settings, settings_model
from pipeline.core import plugins, yaml
from pipeline.core.errors import ConfigError
from pipeline.core.registry import nearest


def builtin() -> Traversable:
    """The folder `configs/`, in the wheel or beside the package in a checkout."""
    packaged = files("pipeline") / "configs"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[2] / "configs"


def load(choice: str = "default", overrides: Mapping[str, Any] | None = None) -> Settings:
    """Settings of a built-in profile or a file.

    Parameters
    ----------
    choice
        Name of a profile in `configs/`, or path of a YAML file.
    overrides
        Values that win over the file, by dotted key (``{"engines.diarizer": "pyannote"}``).

    Raises
    ------
    ConfigError
        No such profile, or mistakes in the file: all of them, each with its line.
    """
    given: dict[str, Any] = {}
    for key, value in (overrides or {}).items():
        *parents, last = key.split(".")
        node = given
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    layers = (yaml.Document(given, "options"), *_chain(choice))
    data: Any = {}
    for layer in reversed(layers):
        data = _merged(data, layer.data)
    try:
        settings = yaml.validate(settings_model(), _Layered(data, choice, layers=layers))
    except ConfigError as caught:  # an unknown key may belong to a plug-in that failed
        raise ConfigError(caught.found, hint=plugins.hint()) from None
    return settings.with_origins(_origins(layers))


def _origins(layers: Iterable[yaml.Document]) -> dict[tuple[str, str], Origin]:
    """Where parameters of rules were set; of several files, the one that wins."""
    found: dict[tuple[str, str], Origin] = {}
    for layer in layers:
        profile = Path(layer.name).stem
        rules = layer.data.get("params")
        for rule, names in rules.items() if isinstance(rules, Mapping) else ():
            found.setdefault((rule, ""), Origin(profile, layer.at(("params", rule))))
            for name in names if isinstance(names, Mapping) else ():
                place = layer.at(("params", rule, name))
                found.setdefault((rule, name), Origin(profile, place))
    return found


@dataclass(frozen=True)
class _Layered(yaml.Document):
    """Merged settings; an error is reported in the file whose value wins."""

    layers: tuple[yaml.Document, ...] = ()

    def at(self, path: Iterable[int | str]) -> str:
        keys = list(path)
        for layer in self.layers:
            node = layer.data
            for key in keys:
                if not isinstance(node, Mapping) or key not in node:
                    break
                node = node[key]
            else:
                return layer.at(keys)
        return self.layers[1].at(keys)


def _chain(choice: str) -> Iterator[yaml.Document]:
    """The file, what it extends, what that extends, ..."""
    seen: list[Path | str] = []
    base = Path()
    while choice:
        is_file = choice.endswith((".yaml", ".yml"))
        key = (base / choice).resolve() if is_file else choice
        if key in seen:
            raise ConfigError(f"settings extend themselves: '{choice}' appears again")
        seen.append(key)
        document = yaml.parse(_text(choice, base), choice)
        if not isinstance(document.data, dict):
            raise ConfigError(f"{choice}: not a mapping", expected="keys such as 'engines:'")
        if is_file:
            base = (base / choice).parent
            _place_rules(document.data, base)
            _place_lexicons(document.data, base)
        yield document
        extends = document.data.get("extends")
        if extends is not None and not isinstance(extends, str):
            raise ConfigError(
                f"{document.at(['extends'])}: extends: not a name", expected="extends: default"
            )
        choice = extends or ("" if choice == "default" else "default")


def _place_rules(data: dict[str, Any], base: Path) -> None:
    """Resolve rule files that are not built in, relative to the settings that name them."""
    rules = data.get("rules")
    if isinstance(rules, list):  # anything else is reported when the settings are validated
        for number, choice in enumerate(rules):
            if isinstance(choice, str) and not (builtin() / "rules" / f"{choice}.yaml").is_file():
                suffix = "" if choice.endswith((".yaml", ".yml")) else ".yaml"
                rules[number] = str(base / f"{choice}{suffix}")


def _place_lexicons(data: dict[str, Any], base: Path) -> None:
    """Resolve folders of lexicons, relative to the settings that name them."""
    folders = data.get("lexicons")
    if isinstance(folders, list):  # likewise
        folders[:] = [str(base / each) if isinstance(each, str) else each for each in folders]


def _text(choice: str, base: Path) -> str:
    if choice.endswith((".yaml", ".yml")):
        try:
            return (base / choice).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as caught:
            reason = getattr(caught, "strerror", None) or "not UTF-8 text"
            raise ConfigError(f"settings file '{choice}': {reason}") from None
    source = builtin() / f"{choice}.yaml"
    if not source.is_file():
        known = [item.name[:-5] for item in builtin().iterdir() if item.name.endswith(".yaml")]
        raise ConfigError(
            f"no profile '{choice}'",
            expected=f"a profile ({nearest(choice, known)}) or the path of a .yaml file",
        )
    return source.read_text(encoding="utf-8")


def _merged(under: Any, over: Any) -> Any:
    """Merge `over` into `under`: mappings merge by key, other values replace."""
    if not (isinstance(under, Mapping) and isinstance(over, Mapping)):
        return over
    merged = dict(under)
    for key, value in over.items():
        merged[key] = _merged(under[key], value) if key in under else value
    return merged
