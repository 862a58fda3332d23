"""A small receiver of webhooks, as one writes it for uvicorn: checks the signature, commits, answers 200."""

import base64
import hmac
import os
import sqlite3
import time

KEY = os.environb[b"WEBHOOK_KEY"]

# One statement is one transaction; FULL syncs the write-ahead log with each.
database = sqlite3.connect(os.environ["WEBHOOK_DATABASE"], isolation_level=None)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = FULL")
database.execute("PRAGMA busy_timeout = 10000")
database.execute("CREATE TABLE IF NOT EXISTS deliveries (id INTEGER PRIMARY KEY, received_ms INTEGER, body BLOB)")


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["method"] != "POST":
        (count,) = database.execute("SELECT count(*) FROM deliveries").fetchone()
        await answer(send, 200, str(count).encode())
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    given = next((value for name, value in scope["headers"] if name == b"x-signature"), b"")
    expected = base64.b64encode(hmac.digest(KEY, body, "sha256"))
    if not hmac.compare_digest(given, expected):
        await answer(send, 401, b"")
        return
    received_ms = time.time_ns() // 1_000_000
    database.execute("INSERT INTO deliveries (received_ms, body) VALUES (?, ?)", (received_ms, body))
    await answer(send, 200, b"")


async def answer(send, status, body):
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
