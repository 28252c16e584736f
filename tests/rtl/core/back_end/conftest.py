"""The units that the tests of this folder share, built once; whoever uses them resets them."""

import pytest

from golden.arch.config import get_config
from tests.rtl.core.back_end.stubs import BackEnd
from tests.rtl.core.packing import Stepped


@pytest.fixture(scope="session")
def unit() -> Stepped:
    return Stepped(BackEnd(get_config("tiny")))
