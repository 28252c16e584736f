"""The units that the tests of this folder share, built once; whoever uses them resets them."""

import pytest

from golden.arch.config import get_config
from tests.rtl.core.packing import Stepped
from tests.rtl.core.vector.stubs import BackEnd


@pytest.fixture(scope="session")
def unit() -> Stepped:
    return Stepped(BackEnd(get_config("tiny")))
