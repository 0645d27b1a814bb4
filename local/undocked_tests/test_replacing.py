"""A name of a library is replaced only where it is there."""

from __future__ import annotations

import pytest

from undocked.replacing import replace, replaced


class Library:
    """What a library may have."""

    def there(self) -> str:
        """Its own answer."""
        return "theirs"


def test_what_is_there_is_replaced_until_the_block_ends() -> None:
    """And what was there is given back."""
    with replaced(Library, "there", lambda self: "ours"):
        assert Library().there() == "ours"
    assert Library().there() == "theirs"


def test_a_name_that_is_gone_is_not_patched_in_silence() -> None:
    """The error names the class, the name, and the version that the replacement was written for."""
    with pytest.raises(RuntimeError, match=r"Library has no gone any more: .* written for moto 5\.2\.5"):
        replace(Library, "gone", lambda self: "ours")
    assert not hasattr(Library, "gone")
