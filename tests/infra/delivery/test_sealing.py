"""Sealed texts: opened by the same installation in the same place, and by nothing else."""

import base64

import pytest

from infra.delivery.sealing import SealBroken, Sealed

SECRET = "a secret that only these tests seal with"
PLACE = "fund-id/EMAIL"
TEXT = "https://hooks.example.org/Ünïcode?token=1"


@pytest.mark.parametrize("text", ["", "x", TEXT, "x" * 100_000])
def test_a_sealed_text_is_opened_again(text: str) -> None:
    assert Sealed(SECRET).open(Sealed(SECRET).seal(text, PLACE), PLACE) == text


def test_a_sealed_text_shows_nothing_and_never_looks_the_same() -> None:
    sealed = {Sealed(SECRET).seal(TEXT, PLACE) for _ in range(50)}
    assert len(sealed) == 50
    for one in sealed:
        assert one.isascii()
        assert b"hooks" not in base64.urlsafe_b64decode(one.removeprefix("v1."))


def test_a_sealed_text_does_not_open_elsewhere() -> None:
    sealed = Sealed(SECRET).seal(TEXT, PLACE)
    with pytest.raises(SealBroken, match="other-fund/EMAIL"):
        Sealed(SECRET).open(sealed, "other-fund/EMAIL")


def test_after_the_secret_changed_the_message_says_so() -> None:
    sealed = Sealed(SECRET).seal(TEXT, PLACE)
    with pytest.raises(SealBroken, match=r"DRYPOWDER_SECRET.*has changed") as broken:
        Sealed(SECRET + "!").open(sealed, PLACE)
    assert sealed not in str(broken.value)
    assert SECRET not in str(broken.value)


def test_an_altered_text_does_not_open() -> None:
    sealed = Sealed(SECRET).seal("short", PLACE)
    altered = [
        sealed[:place] + ("A" if letter != "A" else "B") + sealed[place + 1 :] for place, letter in enumerate(sealed)
    ]
    for one in (*altered, "", "v1.", "v1.AAAA", sealed[:-4], sealed[3:], sealed + "A", "v1.ü", TEXT):
        with pytest.raises(SealBroken):
            Sealed(SECRET).open(one, PLACE)
