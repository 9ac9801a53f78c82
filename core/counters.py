"""Names of the engine's counters and histograms in ``metrics.engine`` and ``metrics.intents.ROW``; who creates and who shows them reads them here."""

from __future__ import annotations

COUNTERS: dict[str, str] = {
    "intents": "taken from strategies",
    "denies": "refused by Ringfence",
    "orders": "made",
    "executions": "booked",
    "duplicate_executions": "seen again, not booked",
    "breaks": "raised",
    "marks_refused": "marks that cannot be: negative, crossed, or beyond what amounts can hold",
    "scopes_full": "intents refused because the table of scopes, of their sets, or of positions is full",
    "breaks_without_row": "raised since the table is full: of these the newest only are kept",
    "ring_poisoned": "rings with garbage, not read any more",
    "journal_full": "turns in which no input could be taken because the journal ring had no room",
    "gateway_overflow": "commands that did not fit in a gateway's ring and were queued",
    "events_lost": "strategy events that did not fit in an event ring",
    "frames": "written to the journal ring",
    "checkpoints": "written to the journal ring",
    "loops": "turns of the loop",
}
STAGES: dict[str, str] = {  # of an intent: in ``metrics.intents.ROW``, one set for each strategy row in use; of strategies without one in ``metrics.engine``
    "tick_intent": "tick published by the feed to intent stamped by the strategy, ns; of intents that name their tick",
    "intent_accept": "intent stamped by the strategy to taken by the engine, ns",
    "accept_out": "intent taken by the engine to its outputs published: command and event, or denial, ns",
}
HISTOGRAMS: dict[str, str] = {
    **STAGES,
    "apply": "any input taken to applied and its outputs published, ns",
    "fill_position": "execution read from the socket to booked in the position, ns",
}
