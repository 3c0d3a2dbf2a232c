"""One run's input against the worker's credit, frame by frame."""

from __future__ import annotations

import pytest

from toolkit.worker import protocol
from toolkit.worker.conversation import Conversation
from toolkit.worker.protocol import INPUT_WINDOW, Frame, grant, report
from toolkit.worker.result import Command

EXIT = {"code": 0, "seconds": 1.0, "timed_out": False, "stopped": False, "oom_killed": False}


@pytest.mark.parametrize("room", [1000, 1 << 16, 1 << 20])
def test_input_goes_in_large_pieces_however_little_room_is_granted_at_once(room: int) -> None:
    """A worker whose pipe is full grants page by page; each as a frame would be a frame a page."""
    given = bytes(5 * INPUT_WINDOW // 2)
    sent: list[Frame] = []
    passed_on = 0

    def receive(_patience: float | None) -> Frame:
        nonlocal passed_on
        taken = sum(len(frame.payload) for frame in sent)
        assert taken - passed_on <= INPUT_WINDOW
        if sent[-1].kind == protocol.INPUT_END:
            return report(protocol.EXIT, 1, EXIT)
        amount = min(room, taken - passed_on)
        passed_on += amount
        return grant(1, amount)

    talk = Conversation(1, Command(("cat",), stdin=given), send=sent.append, receive=receive)
    assert talk.hold(None).exit_code == 0
    pieces = [frame.payload for frame in sent if frame.kind == protocol.INPUT]
    assert b"".join(pieces) == given
    assert len(pieces) == 10
