from __future__ import annotations

from wheelfix.index.own_words import find_own_words, list_own_words


def test_a_distribution_says_what_it_opens_runs_and_says() -> None:
    own = find_own_words("soundfile")
    assert own is not None
    assert "libsndfile.so" in own.libraries
    assert any(one.text == "sndfile library not found" for one in own.sentences)
    assert find_own_words("nobody-knows-it") is None


def test_two_hundred_distributions_speak() -> None:
    speaking = [own for own in list_own_words().values() if own.sentences]
    assert len(speaking) >= 200


def test_rows_say_nothing_that_they_do_not_mean() -> None:
    for name, own in list_own_words().items():
        assert own.libraries or own.programs, name
        assert set(own.optional) <= set(own.libraries), name
        texts = [one.text for one in own.sentences]
        assert texts == sorted(set(texts)), name
        for one in own.sentences:
            assert sum(map(str.isalpha, one.text)) >= 8, one.text
            assert not (one.filled and (one.libraries or one.programs)), one.text
