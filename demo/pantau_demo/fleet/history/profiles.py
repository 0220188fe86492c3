"""What is owed on which kind of line: the file of SLA profiles for the fleet's collector."""

from __future__ import annotations

from pantau_demo.fleet.technologies import TECHNOLOGIES


def toml() -> str:
    """Return the profiles that the fleet's registry names."""
    return "\n".join(
        f'[[profile]]\nname = "{one.profile}"\n'
        f"contracted_download_bps = {one.download_bps:.0f}\ncontracted_upload_bps = {one.upload_bps:.0f}\n"
        for one in TECHNOLOGIES
    )
