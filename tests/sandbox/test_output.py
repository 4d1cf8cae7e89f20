"""However much is written and in whatever pieces, the two ends are kept."""

from hypothesis import given
from hypothesis import strategies as st

from pushpals.sandbox.output import OutputBuffer


@given(chunks=st.lists(st.binary(max_size=40), max_size=40), limit=st.integers(2, 60))
def test_the_ends_are_kept_whatever_the_pieces(chunks: list[bytes], limit: int) -> None:
    whole = b"".join(chunks).replace(b"\xff", b"\x7f")
    ascii_only = bytes(byte & 0x7F for byte in whole)
    buffer = OutputBuffer(limit)
    start = 0
    for chunk in chunks:
        buffer.write(ascii_only[start : start + len(chunk)])
        start += len(chunk)
    text = ascii_only.decode()
    assert buffer.total == len(text)
    assert buffer.truncated == (len(text) > limit)
    if not buffer.truncated:
        assert buffer.text() == text
    else:
        head, tail = text[: limit // 2], text[-(limit - limit // 2) :]
        left_out = len(text) - limit
        assert buffer.text() == f"{head}\n[... {left_out} bytes of output left out ...]\n{tail}"


def test_a_character_cut_in_two_is_replaced() -> None:
    buffer = OutputBuffer(4)
    buffer.write("aéé b".encode())
    assert buffer.text().startswith("a\ufffd\n[...")
