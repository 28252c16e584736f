"""What the simulator reports of a program that docs/isa.md does not allow."""


class RuleError(RuntimeError):
    """A program does what docs/isa.md forbids; the text says where and what."""


class UndefinedRead(RuleError):
    """An instruction reads a register that nobody wrote."""


class UndefinedStore(RuleError):
    """A store whose pieces overlap: which of them stays is not defined."""


class StaleCode(RuleError):
    """An instruction runs that was stored to since it was fetched."""
