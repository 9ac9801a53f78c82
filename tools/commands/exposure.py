"""Commands about what settles when: ``exposure`` by asset and value date, ``calendar``: holidays, and value dates of a day's trades.

Both read the engine's tables in shared memory (``views.exposure``) and change nothing; holidays come from the configuration.
"""

from __future__ import annotations

import argparse
from datetime import date

from ringfence.tools.commands import show
from ringfence.tools.render import Frame, Options
from ringfence.tools.views import exposure as views
from ringfence.tools.views.instance import Instance


def exposure(args: argparse.Namespace) -> int:
    """Sums by asset, value date and ``--by``."""

    def picture(instance: Instance, opts: Options) -> Frame:
        rows = views.exposure(instance, args.by)
        return instance.frame(views.view(args.by), rows, opts, views.totals(instance, rows))

    return show.show(args, picture)


def calendar(args: argparse.Namespace) -> int:
    """Holidays of a currency; value dates of a symbol, or of every one."""

    def picture(instance: Instance, opts: Options) -> Frame:
        engine, about = instance.engine, args.about or ""
        if engine is None:
            return instance.frame(views.VALUE_DATES, [], opts)
        today = int(args.day.replace("-", "")) if args.day else int(engine["day"])
        if about and not views.has_symbol(instance, about):
            since = args.day or date.fromisoformat(str(today)).isoformat()
            rows = views.holidays(instance, about, since)
            return instance.frame(views.HOLIDAYS, rows, opts, [] if rows else [f"○ no holiday of {about} is known from {since} on"])
        return instance.frame(views.VALUE_DATES, views.value_dates(instance, today, about), opts)

    return show.show(args, picture)
