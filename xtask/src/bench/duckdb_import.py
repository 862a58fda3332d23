"""Merges a CSV file of payments into a durable DuckDB table with a primary key.

Usage: duckdb_import.py FILE DATABASE. Prints one line of JSON. The time begins after the interpreter and the library
were loaded, and ends when the database is checkpointed and closed.
"""

import json
import sys
import time

import duckdb

COLUMNS = {
    "id": "VARCHAR",
    "order_id": "VARCHAR",
    "date": "TIMESTAMP",
    "email": "VARCHAR",
    "amount": "DECIMAL(18, 2)",
    "currency": "VARCHAR",
    "kind": "VARCHAR",
    "billing": "VARCHAR",
    "tax": "DECIMAL(18, 2)",
    "shipping": "DECIMAL(18, 2)",
    "product_id": "VARCHAR",
    "product": "VARCHAR",
    "coupon": "VARCHAR",
    "country": "VARCHAR",
}


def main(file, database):
    declared = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    # Given types spare it the look at the file that would find them.
    types = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items()) + "}"
    start = time.perf_counter()
    connection = duckdb.connect(database)
    connection.execute(f"CREATE TABLE entries ({declared}, PRIMARY KEY (kind, id))")
    connection.execute(
        f"INSERT OR REPLACE INTO entries SELECT * FROM read_csv(?, header = true, columns = {types})", [file]
    )
    connection.execute("CHECKPOINT")
    connection.close()
    seconds = time.perf_counter() - start

    connection = duckdb.connect(database, read_only=True)
    totals = connection.execute(
        "SELECT currency, kind, count(*), sum(amount) FROM entries GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    names = ("currency", "kind", "entries", "amount")
    report = {
        "seconds": seconds,
        "version": duckdb.__version__,
        "totals": [dict(zip(names, (currency, kind, n, str(amount)))) for currency, kind, n, amount in totals],
    }
    print(json.dumps(report))


main(*sys.argv[1:])
