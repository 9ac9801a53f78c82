"""Mutated messages through codec, validator and session: ``python tests/fuzz/mutate.py --messages 1000000 --seed 1``.

The seeds are the messages of ``corpus/messages.txt`` (``|`` is SOH, BodyLength and CheckSum are computed). A mutation flips, drops, doubles, swaps or cuts
bytes and fields; then the length and checksum are made right again, mostly, so that it goes deep. What must hold: no exception but ``GarbledMessage``, every
message that the codec accepts is encoded again to the same fields, the validator answers, the session takes every byte and goes on, and memory does not grow.
The same seed gives the same messages.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ringfence.gateways.errors import GarbledMessage
from ringfence.gateways.fix import dictionary
from ringfence.gateways.fix.codec import encode, parse, timestamp_text
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore

CORPUS = Path(__file__).resolve().parent / "corpus" / "messages.txt"
START_NS = 1_700_000_000 * 10**9
LIKELY = b"0123456789=\x01.-8:YN "
SESSION_MESSAGES = 50_000
"""Messages that one store takes before a session starts afresh: a store grows by what is sent."""


@dataclass
class Counts:
    """What became of the messages."""

    messages: int = 0
    accepted: int = 0
    garbled: int = 0
    faults: int = 0
    logged_on: int = 0
    rss_kib: int = 0
    seconds: float = 0.0


def seeds() -> list[bytes]:
    """Return the bodies of the corpus: from MsgType(35) to before CheckSum(10)."""
    lines = CORPUS.read_text(encoding="ascii").splitlines()
    return [line.replace("|", "\x01").encode("ascii") for line in lines if line and not line.startswith("#")]


def framed(body: bytes, begin: bytes = b"FIX.4.2", length_off: int = 0, sum_off: int = 0) -> bytes:
    """Put BeginString, BodyLength and CheckSum around a body; the offsets make them wrong."""
    head = b"8=%b\x019=%d\x01%b" % (begin, max(0, len(body) + length_off), body)
    return head + b"10=%03d\x01" % ((sum(head) + sum_off) % 256)


def mutate(dice: random.Random, body: bytes) -> bytes:
    """Return the body with 0 to 3 changes to its bytes or fields."""
    changed = bytearray(body)
    for _ in range(dice.randrange(4)):
        at = dice.randrange(len(changed)) if changed else 0
        kind = dice.randrange(7)
        if kind == 0 and changed:
            changed[at] = dice.randrange(256)
        elif kind == 1:
            changed.insert(at, dice.choice(LIKELY))
        elif kind == 2 and changed:
            del changed[at : at + dice.randrange(1, 4)]
        elif kind == 3 and changed:
            changed[at] = dice.choice(LIKELY)
        else:
            fields = bytes(changed).split(b"\x01")
            one, two = dice.randrange(len(fields)), dice.randrange(len(fields))
            if kind == 4:
                fields.insert(one, fields[two])
            elif kind == 5:
                del fields[one]
            else:
                fields[one], fields[two] = fields[two], fields[one]
            changed = bytearray(b"\x01".join(fields))
    return bytes(changed)


def rss_kib() -> int:
    """Return the resident memory of this process [KiB]."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0])


def same_fields(message: bytes) -> bool:
    """Whether a message's fields, encoded again and read again, are the same (BodyLength and CheckSum may be written otherwise)."""
    fields = parse(message)
    again = parse(encode(fields[2][1], fields[3:-1], fields[0][1]))
    return [f for f in again if f[0] not in {9, 10}] == [f for f in fields if f[0] not in {9, 10}]


class Target:
    """An acceptor session and both dictionaries; a new session whenever the old one has ended."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number, self.now = folder, 0, START_NS
        self.dictionaries = [dictionary.load("FIX.4.2"), dictionary.load("FIX.4.4")]
        self.store: MessageStore | None = None
        self.start()

    def start(self) -> None:
        """Open a fresh store and log on."""
        if self.store is not None:
            self.store.close()
            (self.folder / str(self.number)).unlink(missing_ok=True)
        self.number += 1
        config = SessionConfig("ISLD", "TW42", role="acceptor", check_latency=False)
        self.store = MessageStore(self.folder / str(self.number), config.identity)
        self.session = Session(config, self.store, self.dictionaries[0])
        self.connect()

    def connect(self) -> None:
        """Connect and log on with the number that the session waits for."""
        self.session.connected(self.now)
        self.feed(framed(b"35=A|34=%d|49=TW42|52=%b|56=ISLD|98=0|108=30|".replace(b"|", b"\x01") % (self.session.next_in, self.stamp())))

    def stamp(self) -> bytes:
        """SendingTime(52) of now."""
        return timestamp_text(self.now)

    def feed(self, data: bytes) -> None:
        """Give bytes to the session and take all that it gives."""
        while data:
            taken = self.session.received(data, self.now)
            data = data[taken:]
            self.session.take_events(self.now)
            self.session.take_output()
            self.session.take_notes()
            if not taken:
                break

    def give(self, message: bytes) -> None:
        """Give one message; connect again when the session closed."""
        self.now += 1_000_000
        self.feed(message)
        if self.session.state == "disconnected" or ("disconnect",) in self.session.take_events(self.now):
            self.session.disconnected(self.now)
            self.connect()


def run(messages: int, seed: int) -> Counts:
    """Send so many mutated messages; raise when something does not hold."""
    dice, bodies, counts = random.Random(seed), seeds(), Counts()
    begin = time.perf_counter()
    warm = 0
    with tempfile.TemporaryDirectory(prefix="rf-fuzz-") as folder:
        target = Target(Path(folder))
        for counts.messages in range(1, messages + 1):
            body = dice.choice(bodies).replace(b"SEQ", b"%d" % target.session.next_in).replace(b"NOW", target.stamp())
            wrong = dice.randrange(40)
            version = dice.choice((b"FIX.4.2", b"FIX.4.2", b"FIX.4.2", b"FIX.4.4"))
            message = framed(mutate(dice, body), version, dice.randrange(-3, 9) if wrong == 0 else 0, wrong == 1)
            try:
                same = same_fields(message)
                counts.accepted += 1
            except GarbledMessage:
                same = True
                counts.garbled += 1
            else:
                counts.faults += target.dictionaries[version == b"FIX.4.4"].fault(message, dice.choice((1023, dice.randrange(1024)))) is not None
            if not same:
                raise RuntimeError(f"seed {seed}, message {counts.messages}: encoded again it has other fields: {message!r}")
            counts.logged_on += target.session.state == "up"
            target.give(message)
            if counts.messages % SESSION_MESSAGES == 0:
                target.start()
            if counts.messages == min(messages, 2 * SESSION_MESSAGES) // 2:
                warm = rss_kib()
        if target.store is not None:
            target.store.close()
    counts.rss_kib = rss_kib() - warm
    counts.seconds = time.perf_counter() - begin
    return counts


def main(argv: list[str]) -> int:
    """Run and print what was met; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args(argv)
    counts = run(given.messages, given.seed)
    print(
        f"{counts.messages} messages in {counts.seconds:.0f} s: {counts.accepted} accepted and encoded again, {counts.garbled} garbled, "
        f"{counts.faults} refused by validation, {counts.logged_on} given to a session that was logged on; memory grew by {counts.rss_kib} KiB"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
