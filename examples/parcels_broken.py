"""A shop sends its orders: each is weighed, labelled and handed to a carrier, abroad through customs.

The same pipeline as `parcels.py`, with one line less: orders from abroad lose their weight at customs, and
fail a step later, in production. `orchwipy check` says so before.
"""

from orchwipy_runtime import ConditionalReturns, MicroFunctions, ReturnUpdates

parcels = MicroFunctions(beginner="receive")

GRAMS = {"poster": 310, "lamp": 2400, "sofa": 61000}


@parcels.fn()
def receive(*, order_id: str, items: list[str], country: str, **kwargs):
    grams = sum(GRAMS[item] for item in items)
    destination = "home" if country == "NL" else "abroad"

    # The state goes on without the list of items: from here on only the parcel matters.
    return ConditionalReturns(
        destination,
        ReturnUpdates("label", "items", grams=grams),
        abroad=ReturnUpdates("declare", grams=grams),
    )


@parcels.fn()
def declare(*, order_id: str, country: str, items: list[str], grams: int, **kwargs):
    print(f"Declaring {len(items)} items of order {order_id} to the customs of {country}")

    # A dict replaces the whole state, so everything that is needed later has to be named.
    return {
        "$next": "label",
        "order_id": order_id,
        "country": country,
        "declaration": f"{order_id}-{country}",
    }


@parcels.fn(default_next="hand_over")
def label(*, order_id: str, country: str, grams: int, declaration: str | None = None, **kwargs):
    tariff = "freight" if grams > 30_000 else "post"
    papers = f", declaration {declaration}" if declaration else ""
    return ReturnUpdates(None, tariff=tariff, label=f"{order_id} to {country}, {grams} g{papers}")


@parcels.fn(terminates=True)
def hand_over(*, label: str, tariff: str, **kwargs):
    print(f"Handing over by {tariff}: {label}")
    return {}
