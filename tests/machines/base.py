"""A Debian 12 to boot: debootstrapped once into build/machines, and the lower layer of every machine.

It has what an installer leaves behind: systemd, an SSH server, sudo, Python; and in APT's cache, not
installed, the packages that the roles ask for, because a machine under test has no internet.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "machines"
SUITE = "bookworm"
INSTALLED = ("ca-certificates", "dbus", "iproute2", "openssh-server", "python3", "python3-apt", "sudo",
             "systemd", "systemd-sysv")  # fmt: skip
CACHED = ("influxdb", "mosquitto")
USER = "teknisi"
_MIRROR = re.compile(r"^(?:URIs:|deb)\s+(?:\[.*\]\s+)?(https?://\S*debian)/?(?:\s|$)", re.MULTILINE)
_MINUTES_S = 900


def why_not() -> str | None:
    """Return why no machine can be booted here, None if one can."""
    if os.geteuid() != 0:
        return "booting a machine needs root"
    for program, package in (("systemd-nspawn", "systemd-container"), ("debootstrap", "debootstrap"),
                             ("ssh", "openssh-client")):  # fmt: skip
        if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
            return f"{program} is missing: apt-get install {package}"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "this kernel has no overlayfs"
    return None


def base() -> Path:
    """Return the root of the base, made where it is not there."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = FOLDER / f"base-{_recipe()}"
    with (FOLDER / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not made.exists():
            _make(made)
    return made


def _recipe() -> str:
    """Return a word for what the base is made of: another recipe makes another base."""
    return hashlib.sha256(repr((SUITE, INSTALLED, CACHED)).encode()).hexdigest()[:12]


def _make(made: Path) -> None:
    growing = made.with_name(f"{made.name}.growing")
    for old in FOLDER.glob("base-*"):
        shutil.rmtree(old)
    packages = ",".join(INSTALLED)
    _run("debootstrap", "--variant=minbase", f"--include={packages}", SUITE, str(growing), _mirror())
    shutil.copy("/etc/resolv.conf", growing / "etc" / "resolv.conf")
    inside = ["chroot", str(growing), "apt-get", "-qq", "-o", "APT::Sandbox::User=root"]
    _run(*inside, "update")
    _run(*inside, "install", "--download-only", "--no-install-recommends", "--yes", *CACHED)
    _run("chroot", str(growing), "useradd", "--create-home", "--shell", "/bin/bash", USER)
    sudoers = growing / "etc" / "sudoers.d" / USER
    sudoers.write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
    sudoers.chmod(0o440)
    (growing / "etc" / "machine-id").write_text("")
    growing.rename(made)


def _mirror() -> str:
    """Return the mirror that this machine itself uses."""
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for source in sources:
        if source.is_file() and (found := _MIRROR.search(source.read_text(errors="replace"))):
            return found[1]
    return "http://deb.debian.org/debian"


def _run(*command: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=_MINUTES_S, env=environment)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
