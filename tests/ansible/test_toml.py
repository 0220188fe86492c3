"""The filter `to_toml` against Python's own reader."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

SOURCE = Path(__file__).parents[2] / "ansible" / "plugins" / "filter" / "toml.py"
specification = importlib.util.spec_from_file_location("toml_filter", SOURCE)
toml_filter = importlib.util.module_from_spec(specification)
specification.loader.exec_module(toml_filter)

texts = st.text(st.characters(blacklist_categories=["Cs"]))
scalars = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | texts
lists = st.lists(scalars | st.dictionaries(texts, scalars))
documents = st.recursive(
    st.dictionaries(texts, scalars | lists), lambda inner: st.dictionaries(texts, scalars | lists | inner)
)


@given(documents)
def test_what_is_written_reads_back_the_same(settings):
    assert tomllib.loads(toml_filter.to_toml(settings)) == settings


def test_it_looks_as_a_person_would_write_it():
    settings = {
        "device": "a",
        "broker": {"host": "h", "port": 1, "username": None},
        "latency": {"targets": [{"x": "y"}]},
    }
    assert toml_filter.to_toml(settings) == (
        'device = "a"\n\n[broker]\nhost = "h"\nport = 1\n\n[latency]\ntargets = [{ x = "y" }]\n'
    )


@pytest.mark.parametrize("wrong", [["a"], {"a": object()}, {"a": b"bytes"}])
def test_what_toml_has_no_form_for_is_refused(wrong):
    with pytest.raises(AnsibleFilterError, match="to_toml"):
        toml_filter.to_toml(wrong)
