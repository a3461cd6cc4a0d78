"""A mail server on this machine for one test: it speaks SMTP and keeps what it took."""

from __future__ import annotations

import email
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from threading import Thread


@dataclass
class MailServer:
    """``refusals`` are answered, one a message, before any message is taken."""

    port: int = 0
    refusals: list[str] = field(default_factory=list)
    taken: list[Message] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    mail: MailServer

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        self.say("220 test")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(":")[0].split()[0].upper()
            if verb == "RCPT":
                self.mail.recipients.append(line.partition(":")[2].strip().strip("<>"))
            if verb == "DATA":
                self.take()
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def take(self) -> None:
        if self.mail.refusals:
            self.say(self.mail.refusals.pop(0))
            return
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        self.mail.taken.append(email.message_from_bytes(b"".join(lines)))
        self.say("250 taken")


@contextmanager
def mail_server(*refusals: str) -> Iterator[MailServer]:
    """Listen on a free port for as long as the block lasts."""
    mail = MailServer(refusals=list(refusals))
    handler = type("Session", (_Session,), {"mail": mail})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        mail.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        try:
            yield mail
        finally:
            server.shutdown()
            thread.join()
