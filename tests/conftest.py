"""What holds for all tests."""

from hypothesis import settings

# How long an example takes says something of the machine, which others use as well, and nothing of the code.
settings.register_profile("shared-machine", settings(deadline=None))
if settings.get_current_profile_name() == "default":
    settings.load_profile("shared-machine")
