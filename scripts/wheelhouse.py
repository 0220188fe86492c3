"""Everything that the roles in ansible/ install, for machines without internet: `make wheelhouse`.

build/wheelhouse/pantau-PART-VERSION-cpXY-ARCH.tar holds the wheels of one part for one Python and processor,
pip's own among them, and requirements.txt with the hash of each. The same wheels make the same bytes, so that
a role can tell by the checksum whether a machine has it already.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pantau_wire import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).parent.parent
OUT = ROOT / "build" / "wheelhouse"
OURS = ("agent", "server")
"""Parts that hold our own wheel."""
PARTS = (*OURS, "install")
"""`install` is Ansible, for machines that apply a role to themselves."""
PYTHONS = ("3.11", "3.12", "3.13")
"""Of Debian 12 and its Raspberry Pi OS, Ubuntu 24.04, Debian 13."""
ARCHITECTURES = ("x86_64", "aarch64", "amd64")
"""As the machine calls its own; `amd64` is Windows on a laptop, for which there is the agent only."""
WINDOWS = "amd64"
GLIBC_MINORS = range(36, 4, -1)
"""Of manylinux: Debian 12 has glibc 2.36, the oldest of these systems."""


class Target(NamedTuple):
    """A part for one Python and processor."""

    part: str
    python: str
    architecture: str

    @property
    def archive(self) -> Path:
        """Where it goes."""
        tag = "cp" + self.python.replace(".", "")
        return OUT / f"pantau-{self.part}-{__version__}-{tag}-{self.architecture}.tar"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the archives that are asked for; return 0."""
    given = _parser().parse_args(arguments)
    OUT.mkdir(parents=True, exist_ok=True)
    for part in given.parts:
        for python in given.pythons:
            for architecture in given.architectures:
                if architecture == WINDOWS and part != "agent":
                    continue
                archive = make(Target(part, python, architecture))
                size_mb = archive.stat().st_size / 1e6
                sys.stdout.write(f"{size_mb:6.1f} MB  {archive.relative_to(ROOT)}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make wheelhouse", description=__doc__)
    for name, choices in (("parts", PARTS), ("pythons", PYTHONS), ("architectures", ARCHITECTURES)):
        parser.add_argument(f"--{name}", nargs="+", choices=choices, default=choices, help="default: all")
    return parser


def make(target: Target) -> Path:
    """Bring the wheels of a target and pack them."""
    cache = OUT / "wheels" / target.archive.stem
    cache.mkdir(parents=True, exist_ok=True)
    for old in cache.iterdir():
        old.unlink()
    requirements = cache / "requirements.txt"
    requirements.write_text(_locked(target), "utf-8")
    _download(requirements, cache, target)
    if target.part in OURS:
        _add_ours(requirements)
    _pack(sorted(cache.iterdir()), target.archive)
    return target.archive


def _locked(target: Target) -> str:
    """Return the lock for this Python and processor alone, without markers."""
    linux = f"{target.architecture}-manylinux_2_{GLIBC_MINORS[0]}"
    platform = "x86_64-pc-windows-msvc" if target.architecture == WINDOWS else linux
    where = ["--python-version", target.python, "--python-platform", platform]
    lock = ROOT / "requirements" / f"{target.part}.lock"
    quiet = ["--quiet", "--no-header", "--no-annotate", "--no-emit-index-url"]
    return _run("uv", "pip", "compile", str(lock), "--no-deps", "--generate-hashes", *where, *quiet)


def _download(requirements: Path, to: Path, target: Target) -> None:
    where = ["--python-version", target.python, "--implementation", "cp"]
    where += [argument for tag in _tags(target.architecture) for argument in ("--platform", tag)]
    what = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(requirements)]
    _run(
        "python",
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        *where,
        *what,
        "--dest",
        str(to),
    )


def _tags(architecture: str) -> list[str]:
    """Return the platforms whose wheels run there."""
    if architecture == WINDOWS:
        return ["win_amd64"]
    manylinux = [f"manylinux_2_{minor}" for minor in GLIBC_MINORS]
    manylinux += ["manylinux2014", "manylinux2010", "manylinux1"]
    return [f"{one}_{architecture}" for one in manylinux]


def _add_ours(requirements: Path) -> None:
    """Put our own wheel beside the others, with its hash."""
    built = ROOT / "build" / "dist" / f"pantau-{__version__}-py3-none-any.whl"
    if not built.exists():
        sys.exit(f"{built.relative_to(ROOT)} is missing: make wheel")
    content = built.read_bytes()
    (requirements.parent / built.name).write_bytes(content)
    with requirements.open("a", encoding="utf-8") as file:
        file.write(f"pantau=={__version__} --hash=sha256:{hashlib.sha256(content).hexdigest()}\n")


def _pack(files: Iterable[Path], archive: Path) -> None:
    """Write the archive in one step, without anything that only this machine or moment knows."""
    made = archive.with_suffix(".new")
    with tarfile.open(made, "w", format=tarfile.PAX_FORMAT) as packed:
        for file in files:
            packed.add(file, file.name, filter=_anonymous)
    made.replace(archive)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime, entry.mode = 0, 0o644
    return entry


def _run(program: str, *arguments: str) -> str:
    """Run a program of our environment; return what it printed, or end with what it complained about."""
    command = [str(Path(sys.executable).parent / program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own tools
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
