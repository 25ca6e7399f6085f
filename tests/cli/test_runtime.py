from __future__ import annotations

import argparse

import pytest

from medsiam.cli.runtime import add_runtime


@pytest.mark.parametrize("default", ["auto", "torch"])
def test_the_default_is_the_command_s_own(default):
    parser = argparse.ArgumentParser()
    add_runtime(parser, default=default)
    assert parser.parse_args([]).runtime == default
    assert parser.parse_args(["--runtime", "openvino-bf16"]).runtime == "openvino-bf16"
    assert f"(default {default})" in " ".join(parser.format_help().split())


def test_another_word_is_refused(capsys):
    parser = argparse.ArgumentParser()
    add_runtime(parser, default="auto")
    with pytest.raises(SystemExit):
        parser.parse_args(["--runtime", "int8"])
    assert "openvino-bf16" in capsys.readouterr().err
