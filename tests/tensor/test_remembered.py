"""A cache of limited size in bytes."""

from impo.tensor import remembered as cache


def test_what_the_arguments_hold_counts_too(monkeypatch):
    """A result is small, but as long as it is kept, so is the large argument it is found by."""
    monkeypatch.setattr(cache, "MOST_BYTES", 100)
    made = []

    @cache.remembered(lambda result, argument: len(result) + len(argument))
    def first_letter(argument):
        made.append(argument)
        return argument[:1]

    words = ["a" * 60, "b" * 60, "c" * 20]
    for word in (*words, words[1], words[2]):
        assert first_letter(word) == word[0]
    assert made == words  # 61 + 21 bytes fit, 61 + 61 do not
    first_letter(words[0])
    assert made == [*words, words[0]]
