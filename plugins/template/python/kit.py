"""What is the same in every connector: money, dates, rows, manifests, and conversations written as straight-line code."""

import datetime
import json
import re

from componentize_py_types import Err
from wit_world.exports.connector import Column, ColumnContent, CsvFormat, Granularity, Polling, SettingDescription
from wit_world.imports import log as logger
from wit_world.imports.types import (
    Amounts,
    Ask,
    Authorization_Bearer,
    Billing,
    Body_None_,
    Change_Put,
    Customer,
    Decimal,
    Entry,
    EntryKey,
    Failure_Internal,
    Failure_Malformed,
    Failure_Throttled,
    Failure_Unauthorized,
    Failure_Unavailable,
    Field,
    Line,
    Method,
    Moment_Utc,
    Next_Ask,
    Next_Done,
    NoResponse_Connection,
    NoResponse_Timeout,
    Pause,
    Reject,
    Request,
    Step,
    Value_Text,
)

ZERO = Decimal(0, 0)
ONE = Decimal(1, 0)
END_MS = 7_258_118_400_000
DEPTH_MAX = 64
CURRENCIES = set(
    """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP
    CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR
    ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN
    MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD
    SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW""".split()
)


class Fault(Exception):
    """What is wrong with one row or object, while the rest can be read."""

    def __init__(self, reason, field=None, id=None):
        super().__init__(reason)
        self.reason, self.field, self.id = reason, field, id

    def reject(self, index):
        return Reject(index, self.id, self.field, self.reason)


def malformed(reason):
    """Ends a call: what came cannot be read."""
    return Err(Failure_Malformed(str(reason)))


# ---- what arrives ------------------------------------------------------------------------------------------------------


def read_json(body):
    """A body as JSON. Numbers stay texts, so that no amount goes through binary floating point."""
    depth = 0
    # Python's parser calls itself for each level, and the stack of an instance is small.
    for bracket in re.sub(rb'"(?:[^"\\]|\\.)*"|[^]\[{}]', b"", body):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_MAX:
            raise malformed(f"the body is nested deeper than {DEPTH_MAX} levels")
    try:
        return json.loads(body.decode("utf-8"), parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        raise malformed("the body is not JSON") from None


def header(headers, name):
    """The first header with this name, in lower case; None if it is missing or empty."""
    return next((one.value.strip() for one in headers if one.name == name and one.value.strip()), None)


def member(value, name):
    """A text or number of a map as text, trimmed; None if it is missing, empty or anything else."""
    found = value.get(name) if isinstance(value, dict) else None
    return found.strip() or None if isinstance(found, str) else None


def need(text, field):
    if text is None:
        raise Fault("is missing", field)
    return text


def decimal(text, field):
    """A number in plain digits, `-12.50`; None for None."""
    if text is None:
        return None
    match = re.fullmatch(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,9}))?", text)
    if match is None:
        raise Fault(f"`{text[:40]}` is not a number", field)
    sign, whole, part = match.groups(default="")
    number = int(whole + part)
    if number >= 2**63:
        raise Fault(f"`{text[:40]}` is too large", field)
    return Decimal(-number if sign else number, len(part))


def absolute(number):
    return None if number is None else Decimal(abs(number.coefficient), number.scale)


def minus(left, right):
    scale = max(left.scale, right.scale)
    return Decimal(left.coefficient * 10 ** (scale - left.scale) - right.coefficient * 10 ** (scale - right.scale), scale)


def unix_ms(text, field, assume_utc=False):
    """An ISO 8601 date and time with zone, or one that is known to be UTC, in milliseconds since 1970."""
    try:
        at = datetime.datetime.fromisoformat(need(text, field).replace("Z", "+00:00"))
        if at.tzinfo is None and not assume_utc:
            raise ValueError
        at = at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)
        return int((at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) / datetime.timedelta(milliseconds=1))
    except (ValueError, OverflowError):
        raise Fault(f"`{text[:40]}` is not a date and time with zone", field) from None


def rows(columns, others, table):
    """Every row as a dictionary by the names of its columns; empty cells are None."""
    names, text, start = columns + others, table.text, 0
    for index in range(len(table.lines)):
        row = {}
        for place, name in enumerate(names):
            end = table.ends[index * len(names) + place]
            row[name] = text[start:end].decode("utf-8") or None
            start = end
        yield index, row


# ---- what becomes of it ------------------------------------------------------------------------------------------------


def entry(kind, id, order, at_ms, currency, total, email=None, tax=None, product_id=None, product=None, revision=0):
    """One movement of money. What the daemon would refuse the whole answer for is a fault of this entry alone."""
    for what, text in (("the id", id), ("the order id", order)):
        if not 1 <= len(text.encode()) <= 200 or not text.isprintable():
            raise Fault(f"{what} is empty, too long or has control characters")
    if currency not in CURRENCIES:
        raise Fault(f"`{currency[:20]}` is not a currency code", "currency")
    if not 0 <= at_ms < END_MS:
        raise Fault("its date is not within the years 1970 to 2199")
    for amount in (total, tax):
        if amount is not None and not 0 <= amount.coefficient <= 10**10 * 10**amount.scale:
            raise Fault("an amount is negative or absurd")
    net = minus(total, tax) if tax is not None else total
    lines = []
    if product is not None:
        amount = net if net.coefficient >= 0 else total
        lines.append(Line(short(product_id), None, None, short(product), ONE, amount))
    return Entry(
        key=EntryKey(kind, id),
        also=[],
        order_id=order,
        billing=Billing.UNKNOWN,
        at=Moment_Utc(at_ms),
        customer=Customer(short(email), None),
        currency=currency,
        amounts=Amounts(total, None, None, None, None, tax, None),
        lines=lines,
        tags=[],
        revision=revision,
    )


def short(text):
    return None if text is None else text.encode()[:1000].decode("utf-8", "ignore")


# ---- manifests ---------------------------------------------------------------------------------------------------------


def setting(name, label, help, kind, required=False, default=None):
    return SettingDescription(name, label, help, kind, required, default)


def column(name, aliases=(), content=ColumnContent.TEXT, required=False):
    return Column(name, list(aliases), None, content, required)


def csv_format(id, name, columns):
    return CsvFormat(id, name, columns, False, [], None, None)


def polling(axes):
    """Gentle defaults: windows of at most 30 days, ten minutes of overlap, a week read again daily."""
    return Polling(axes, Granularity.SECOND, 30, 600, 7, 900, 1, None, 60_000, False, False)


# ---- conversations -----------------------------------------------------------------------------------------------------


def get(url, query, secret):
    """A GET with `Authorization: Bearer` and the secret of this name, which the daemon puts in."""
    fields = [Field(name, Value_Text(str(value))) for name, value in query]
    return Request("", Method.GET, url, fields, [], Body_None_(), Authorization_Bearer(secret), True, 0, 0)


class Task:
    """A task that is written as a generator: it yields a request and gets the reply, puts entries, and returns the outcome.

    The daemon keeps one instance for one conversation, so the generator waits in this module between two calls. It leaves no
    state: after a restart the daemon begins the task anew.
    """

    running = None

    def __init__(self):
        self.changes, self.rejects = [], []

    def put(self, entry):
        if entry is not None:
            self.changes.append(Change_Put(entry))

    def reject(self, fault):
        self.rejects.append(fault.reject(0))

    @classmethod
    def begin(cls, function, *arguments):
        task = cls()
        task.generator = function(task, *arguments)
        return task.step(lambda: next(task.generator))

    @classmethod
    def resume(cls, replies):
        task, cls.running = cls.running, None
        if task is None:
            raise Err(Failure_Internal("no task is under way in this instance: begin it anew"))
        return task.step(lambda: task.generator.send(replies.responses[0]))

    def step(self, go):
        try:
            request = go()
            after, Task.running = Next_Ask(Ask([request], [], None)), self
        except StopIteration as end:
            after = Next_Done(end.value)
        changes, self.changes = self.changes, []
        rejects, self.rejects = self.rejects, []
        return Step(changes, rejects, None, None, after)


def expect_json(reply, platform, refused):
    """The JSON of a successful answer. A page of a firewall must not look like an empty list."""
    outcome = reply.outcome
    if isinstance(outcome, Err):
        why = outcome.value
        if isinstance(why, (NoResponse_Timeout, NoResponse_Connection)):
            raise Err(Failure_Unavailable(Pause(None, f"{platform} did not answer")))
        raise Err(Failure_Malformed(f"{platform} could not be asked, or answered too much at once"))
    response = outcome.value
    is_page = "html" in (header(response.headers, "content-type") or "") or response.body.lstrip()[:1] == b"<"
    if response.status in (401, 403) and not is_page:
        raise Err(Failure_Unauthorized(refused))
    if response.status == 429:
        raise Err(Failure_Throttled(Pause(None, f"{platform} wants fewer requests")))
    if not 200 <= response.status < 300 or is_page:
        raise Err(Failure_Unavailable(Pause(None, f"{platform} answered with HTTP {response.status}")))
    return read_json(response.body)


def info(message):
    """A line for the operator's log. No credentials, no customer data."""
    logger.log(logger.Level.INFO, message)
