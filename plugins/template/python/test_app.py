"""Native tests, with plain texts: `python3 build.py test`. The cases go through the sandbox: `ltvd connector test .`"""

import unittest

from wit_world.imports.types import Context, Instant, Kind, Setting, SettingValue_Text

import app
import kit

NOW = Instant(1_767_225_600_000, "2026-01-01T00:00:00", "2026-01-01T00:00:00")
CONTEXT = Context(NOW, "UTC", [Setting("currency", SettingValue_Text("USD"))], [], None)


class Movements(unittest.TestCase):
    def movement(self, **changed):
        usual = {"id": "p-1", "kind": "payment", "order": "o-1", "at_ms": 0, "amount": "12.50", "tax": None}
        return app.movement(**{**usual, "currency": None, "email": None, "context": CONTEXT, **changed})

    def test_the_kind_says_which_way_the_money_went(self):
        refund = self.movement(kind="refund", amount="-12.50")
        self.assertEqual((refund.key.kind, refund.amounts.total.coefficient), (Kind.REFUND, 1250))
        self.assertIsNone(self.movement(kind="authorization"))

    def test_what_cannot_be_read_is_a_fault_of_the_row(self):
        for wrong in ({"amount": "12,50"}, {"currency": "ZZZ"}, {"id": ""}, {"order": "a\x81"}, {"at_ms": -1}):
            with self.subTest(wrong), self.assertRaises(kit.Fault):
                self.movement(**wrong)

    def test_dates_have_a_zone_or_are_known_to_be_utc(self):
        self.assertEqual(kit.unix_ms("1970-01-01T01:00:00+01:00", "at"), 0)
        self.assertEqual(kit.unix_ms("1970-01-01T00:00:01", "at", assume_utc=True), 1000)
        with self.assertRaises(kit.Fault):
            kit.unix_ms("1970-01-01T00:00:00", "at")


if __name__ == "__main__":
    unittest.main()
