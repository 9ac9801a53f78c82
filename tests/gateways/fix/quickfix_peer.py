"""QuickFIX in a process of its own (its ``stop`` may crash).

``python quickfix_peer.py acceptor|initiator FOLDER PORT SENDER TARGET [BEGIN_STRING [SESSIONS]]``

Writes one JSON object a line: ``{"logon": n}``, ``{"message": text}``, ``{"numbers": [next out, next in, logged on]}``. Reads the same way from stdin:
``{"send": [msg_type, [[tag, value], ...]]}``, with a third part of groups, each ``[tag of the count, tag of the first field, [[tag, value], ...]]``, and
``{"numbers": 1}``, both with ``"session": SENDER`` when there are several. As an acceptor it fills every new
order. With more than one session their SenderCompIDs are SENDER1, SENDER2 ... It validates by the data dictionaries of its wheel. Ends with stdin.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import quickfix

SETTINGS = """[DEFAULT]
ConnectionType={role}
FileStorePath={folder}/qf-{role}
FileLogPath={folder}/qf-{role}
{dictionary}
StartTime=00:00:00
EndTime=00:00:00
ReconnectInterval=1
HeartBtInt=5
{network}
"""
SESSION = """[SESSION]
BeginString={begin}
SenderCompID={sender}
TargetCompID={target}
"""

writing = threading.Lock()


def write(**event: Any) -> None:
    with writing:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


class Application(quickfix.Application):  # type: ignore[misc]
    """Reports what it gets; as an acceptor it fills every new order."""

    def __init__(self, fills: bool) -> None:
        super().__init__()
        self.fills = fills
        self.sessions: dict[str, Any] = {}
        self.logons = 0
        self.executions = 0

    def onCreate(self, session_id: Any) -> None:
        self.sessions[session_id.getSenderCompID().getValue()] = session_id

    def onLogon(self, session_id: Any) -> None:
        self.logons += 1
        write(logon=self.logons)

    def onLogout(self, session_id: Any) -> None:
        """Nothing to do."""

    def toAdmin(self, message: Any, session_id: Any) -> None:
        """Nothing to add."""

    def fromAdmin(self, message: Any, session_id: Any) -> None:
        """Nothing to look at."""

    def toApp(self, message: Any, session_id: Any) -> None:
        """Nothing to add."""

    def fromApp(self, message: Any, session_id: Any) -> None:
        text = message.toString()
        write(message=text)
        fields = dict(f.split("=", 1) for f in text.split("\x01")[:-1])
        if self.fills and fields["35"] == "D":
            self.executions += 1
            kind = [(20, "0"), (150, "2")] if fields["8"] == "FIX.4.2" else [(150, "F")]
            ours = [(37, f"Q{self.executions}"), (17, f"E{self.executions}"), *kind, (39, "2"), (31, "10.5"), (151, "0"), (6, "10.5")]
            same = [(11, fields["11"]), (55, fields["55"]), (54, fields["54"]), (38, fields["38"]), (32, fields["38"]), (14, fields["38"])]
            self.send("8", [*ours, *same], session_id)

    def send(self, msg_type: str, fields: list[tuple[int, str]], session_id: Any, groups: list[tuple[int, int, list[tuple[int, str]]]] | None = None) -> None:
        message = quickfix.Message()
        message.getHeader().setField(quickfix.MsgType(msg_type))
        for tag, value in fields:
            message.setField(quickfix.StringField(tag, value))
        for count, first, values in groups or []:
            group = quickfix.Group(count, first)
            for tag, value in values:
                group.setField(quickfix.StringField(tag, value))
            message.addGroup(group)
        quickfix.Session.sendToTarget(message, session_id)


def main() -> None:
    role, folder, port, sender, target, *more = sys.argv[1:]
    begin, count = more[0] if more else "FIX.4.2", int(more[1]) if more[1:] else 1
    network = f"SocketAcceptPort={port}\nSocketReuseAddress=Y" if role == "acceptor" else f"SocketConnectHost=127.0.0.1\nSocketConnectPort={port}"
    shipped = Path(sys.prefix, "share", "quickfix", begin.replace(".", "") + ".xml")
    dictionary = f"UseDataDictionary=Y\nDataDictionary={shipped}" if shipped.exists() else "UseDataDictionary=N"
    path = Path(folder) / f"{role}.cfg"
    senders = [sender] if count == 1 else [f"{sender}{n}" for n in range(1, count + 1)]
    head = SETTINGS.format(role=role, folder=folder, network=network, dictionary=dictionary)
    path.write_text(head + "".join(SESSION.format(begin=begin, sender=s, target=target) for s in senders))
    application = Application(fills=role == "acceptor")
    settings = quickfix.SessionSettings(str(path))
    stores, logs = quickfix.FileStoreFactory(settings), quickfix.FileLogFactory(settings)
    engine = (quickfix.SocketAcceptor if role == "acceptor" else quickfix.SocketInitiator)(application, stores, settings, logs)
    engine.start()
    write(started=1)
    for line in sys.stdin:
        request = json.loads(line)
        session_id = application.sessions[request.get("session", senders[0])]
        if "send" in request:
            application.send(*request["send"][:2], session_id, *request["send"][2:])
        else:
            session = quickfix.Session.lookupSession(session_id)
            write(numbers=[session.getExpectedSenderNum(), session.getExpectedTargetNum(), session.isLoggedOn()])
    os._exit(0)


if __name__ == "__main__":
    main()
