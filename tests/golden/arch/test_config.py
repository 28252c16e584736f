"""Configurations: published sizes, and sentences for what cannot be built."""

from dataclasses import replace

import pytest

from golden.arch.config import CONFIGS, NodeConfig, get_config


def test_named_configurations():
    assert get_config("d1").sram_bytes == 1_310_720 and get_config("d1").sram_words == 163_840
    assert get_config("tiny").sram_bytes == 131_072
    assert {name: config.name for name, config in CONFIGS.items()} == {"d1": "d1", "tiny": "tiny"}
    d1, tiny = get_config("d1"), get_config("tiny")
    assert d1.features == tiny.features, "both run the same programs"
    for config in (d1, tiny):
        assert (config.dispatch_width * config.dispatch_threads, config.dispatch_threads) == (8, 2), "the published width"


def test_a_node_of_a_mesh_has_one_part_more():
    assert get_config("tiny").with_network() == replace(get_config("tiny"), features=get_config("tiny").features | {"network"})


def test_an_unknown_name_lists_those_that_exist():
    with pytest.raises(ValueError, match="no configuration 'd2': there are d1, tiny"):
        get_config("d2")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("sram_rows", 0, "odd: sram_rows is 0, the address map holds 1 to 2560"),
        ("sram_rows", 2561, "sram_rows is 2561"),
        ("icache_lines", 3, "icache_lines is 3, which is no power of two"),
        ("fetch_buffer", 0, "fetch_buffer is 0"),
        ("scalar_queue", 12, "scalar_queue is 12"),
        ("vector_queue", -16, "vector_queue is -16"),
        ("store_queue", 5, "store_queue is 5"),
        ("dispatch_width", 0, "dispatch_width is 0, a fetch window holds 8 instructions"),
        ("dispatch_width", 9, "dispatch_width is 9"),
        ("dispatch_threads", 0, "dispatch_threads is 0, there are 4 threads"),
        ("dispatch_threads", 5, "dispatch_threads is 5"),
    ],
)
def test_what_cannot_be_built_is_one_sentence(field, value, sentence):
    with pytest.raises(ValueError, match=sentence):
        NodeConfig(**{"name": "odd", "sram_rows": 1, "icache_lines": 1, field: value})
