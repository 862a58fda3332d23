"""Kiosk, read for ltvd.

A connector is a pure function: it opens no connection, reads no clock and never sees a secret. What arrives is handed to it;
what it wants to know it asks the daemon for.
"""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.connector import (
    ColumnContent,
    Host_Exact,
    Manifest,
    SettingKind_Currency,
    SettingKind_Secret,
    WebhookDescription,
)
# door csv
from wit_world.exports.csv import Batch
# end
# door poll
from wit_world.exports.poll import Task_Check, Task_Sync
# end
# door webhook
from wit_world.exports.webhook import Hmac, Message_Body, Proof_Hmac, Proof_Refuse
from wit_world.imports.types import Hash, Outcome_Ignored, Outcome_Read
# end
from wit_world.imports.types import (
    Axis,
    Change_Put,
    Coverage,
    Failure_Internal,
    Kind,
    Outcome_Checked,
    Outcome_Synced,
    Tally,
)

import kit
from kit import Fault, column, csv_format, setting

HOST = "api.kiosk.example"
WEBHOOK_SECRET = "webhook_secret"
API_KEY = "api_key"
COLUMNS = [
    column("id", ["Payment ID"], required=True),
    column("type", ["Payment type"], required=True),
    column("order", ["Order ID"], required=True),
    column("date", ["Paid at (UTC)"], ColumnContent.DATE, required=True),
    column("amount", ["Total"], ColumnContent.AMOUNT, required=True),
    column("tax", ["Sales tax"], ColumnContent.AMOUNT),
    column("currency"),
    column("email", ["Customer e-mail"]),
    column("product", ["Product name"]),
]


class Connector(exports.Connector):
    def describe(self):
        """What the connector says about itself. An operator reads it before trusting it."""
        currency_help = "What the shop sells in, for example USD. Counts where a payment names no currency."
        settings = [setting("currency", "Currency of the shop", currency_help, SettingKind_Currency(), required=True)]
        manifest = Manifest("kiosk", "Kiosk", "0.1.0", settings, [], None, None, [])
        # door webhook
        secret_help = 'In Kiosk: Settings > Webhooks, the word under "Signing secret".'
        settings.append(setting(WEBHOOK_SECRET, "Secret of the webhooks", secret_help, SettingKind_Secret()))
        setup = "In Kiosk: Settings > Webhooks > Add. Paste the address that `ltvd webhook url NAME` prints."
        manifest.webhook = WebhookDescription(["payment.paid", "payment.refunded"], setup, True)
        # end
        # door poll
        key_help = "In Kiosk: Settings > API > Create key. Reading payments is the only permission it needs."
        settings.append(setting(API_KEY, "API key", key_help, SettingKind_Secret()))
        manifest.hosts.append(Host_Exact(HOST))
        manifest.polling = kit.polling([Axis.MODIFIED])
        # end
        # door csv
        manifest.csv_formats.append(csv_format("payments", "Payments export", COLUMNS))
        # end
        return manifest

    def validate(self, settings):
        return []


# door csv
class Csv(exports.Csv):
    def read(self, format, others, rows, context):
        """Reads a batch: every row ends in an entry, a reject or among the ignored."""
        batch = Batch([], [], 0, [])
        names = [one.name for one in COLUMNS]
        for index, row in kit.rows(names, others, rows):
            try:
                # Refunds are negative in the export and positive in the API. The kind says which way the money went.
                found = movement(
                    id=row["id"],
                    kind=kit.need(row["type"], "type").lower(),
                    order=row["order"],
                    at_ms=kit.unix_ms(row["date"], "date", assume_utc=True),
                    amount=row["amount"],
                    tax=row["tax"],
                    currency=row["currency"],
                    email=row["email"],
                    product=row["product"],
                    context=context,
                )
                if found is None:
                    batch.ignored += 1
                    batch.notes.append(f"`{row['type']}` moves no money")
                else:
                    batch.changes.append(Change_Put(found))
            except Fault as fault:
                batch.rejects.append(fault.reject(index))
        return batch


# end
# door webhook
class Webhook(exports.Webhook):
    def prove(self, delivery, context):
        """Every delivery is signed. The daemon checks the signature; the connector only says what must hold."""
        try:
            signature = bytes.fromhex(kit.header(delivery.headers, "x-kiosk-signature") or "-")
        except ValueError:
            return Proof_Refuse("the header x-kiosk-signature is missing or not hexadecimal")
        return Proof_Hmac(Hmac(Hash.SHA256, WEBHOOK_SECRET, Message_Body(), [signature], None))

    def receive(self, delivery, context):
        """Reads a delivery: `{"event": "payment.paid", "payment": {…}}`."""
        return kit.Task.begin(read_webhook, delivery, context)

    def resume(self, state, replies, context):
        return kit.Task.resume(replies)


def read_webhook(task, delivery, context):
    body = kit.read_json(delivery.body)
    event = kit.member(body, "event") or ""
    if not event.startswith("payment."):
        return Outcome_Ignored(f"`{event[:100]}` moves no money")
    try:
        found = of_json(body.get("payment"), context)
    except Fault as fault:
        raise kit.malformed(fault) from None
    if found is None:
        return Outcome_Ignored("this kind of payment moves no money")
    task.put(found)
    return Outcome_Read()
    yield  # A webhook that asks the platform for more would yield a request here.


# end
# door poll
class Poll(exports.Poll):
    def begin(self, task, context):
        if isinstance(task, Task_Check):
            return kit.Task.begin(check)
        if isinstance(task, Task_Sync):
            return kit.Task.begin(sync, task.value, context)
        raise Err(Failure_Internal("this task is not supported by this connector"))

    def resume(self, state, replies, context):
        return kit.Task.resume(replies)


REFUSED = "Kiosk does not accept the API key. Make a new one under Settings > API and put it into `api_key`"
PAGES_MAX = 10_000


def check(task):
    """Sees whether the key is good."""
    reply = yield kit.get(f"https://{HOST}/v1/account", [], API_KEY)
    name = kit.member(kit.expect_json(reply, "Kiosk", REFUSED), "name")
    return Outcome_Checked([f"account {name or 'without a name'}"])


def sync(task, window, context):
    """Reads every page of a window. What is put is stored at the next request, so a restart loses nothing."""
    received = 0
    for page in range(1, PAGES_MAX):
        query = [("updated_from", window.start.utc + "Z"), ("updated_to", window.end.utc + "Z"), ("page", page)]
        reply = yield kit.get(f"https://{HOST}/v1/payments", query, API_KEY)
        body = kit.expect_json(reply, "Kiosk", REFUSED)
        payments = body.get("data") if isinstance(body, dict) else None
        # An answer without the list must not look like an empty window.
        if not isinstance(payments, list):
            raise kit.malformed("Kiosk answered without a list of payments")
        for payment in payments:
            received += 1
            try:
                task.put(of_json(payment, context))
            except Fault as fault:
                task.reject(fault)
        following = kit.member(body, "next_page")
        if following is None:
            total = kit.member(body, "total") or ""
            announced = int(total) if total.isdecimal() and len(total) < 19 else None
            # "Complete through" moves only if everything was read.
            complete = announced is None or announced == received
            return Outcome_Synced(Coverage(complete, window.axis, None, [Tally("payments", announced, received)]))
        if following != str(page + 1):
            raise kit.malformed(f"page {page} is followed by page {following[:20]}")
    raise kit.malformed("the pages do not end")


# end
# door webhook or poll
def of_json(payment, context):
    """A payment as webhooks and API show it."""
    id = kit.need(kit.member(payment, "id"), "id")
    product = payment.get("product")
    try:
        return movement(
            id=id,
            kind=kit.need(kit.member(payment, "kind"), "kind"),
            order=kit.member(payment, "order"),
            at_ms=kit.unix_ms(kit.member(payment, "created_at"), "created_at"),
            amount=kit.member(payment, "amount"),
            tax=kit.member(payment, "tax"),
            currency=kit.member(payment, "currency"),
            email=kit.member(payment, "email"),
            product_id=kit.member(product, "id"),
            product=kit.member(product, "name"),
            revision=kit.unix_ms(kit.member(payment, "updated_at"), "updated_at"),
            context=context,
        )
    except Fault as fault:
        fault.id = id[:200]
        raise


# end
def movement(id, kind, order, at_ms, amount, tax, currency, email, context, product_id=None, product=None, revision=0):
    """One payment or refund, whichever way it came. All doors end here, so that the same money has the same key."""
    kinds = {"payment": Kind.SALE, "refund": Kind.REFUND}
    total = kit.absolute(kit.decimal(kit.need(amount, "amount"), "amount"))
    fallback = next((one.value.value for one in context.settings if one.name == "currency"), "")
    currency = (currency or fallback).upper()
    id, order = kit.need(id, "id"), kit.need(order, "order")
    tax = kit.absolute(kit.decimal(tax, "tax"))
    if kind not in kinds:
        return None
    return kit.entry(kinds[kind], id, order, at_ms, currency, total, email, tax, product_id, product, revision)
