"""The files for operation that the package holds, and writing files that may not be there yet."""

from collections.abc import Iterator
from pathlib import Path

from cas.errors import ConfigurationError

HERE = Path(__file__).parent
_KINDS = frozenset({".service", ".json", ".yml"})


def files() -> Iterator[Path]:
    """Their paths, relative to this package."""
    return (path.relative_to(HERE) for path in sorted(HERE.rglob("*")) if path.suffix in _KINDS)


def write_files(directory: Path) -> list[Path]:
    """Write all of them below a directory; return their paths. Raises ConfigurationError if one is there already."""
    if there := [str(path) for path in files() if (directory / path).exists()]:
        raise ConfigurationError(f"{directory} has {', '.join(there)} already: name another directory")
    return [write_new(directory / path, (HERE / path).read_text("utf-8")) for path in files()]


def write_new(file: Path, content: str) -> Path:
    """Write a file that is not there yet. Raises ConfigurationError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(content)
    except FileExistsError:
        raise ConfigurationError(f"{file} is there already, and is left as it is: name another one") from None
    except OSError as problem:
        raise ConfigurationError(f"{file}: {problem.strerror}") from None
    return file
