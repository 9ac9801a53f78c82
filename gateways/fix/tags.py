"""FIX names of the tags, message types and values that Ringfence uses. FIX keeps its own spelling here and nowhere else in the code.

The compiled modules write tags as numbers (``b"44="``), since a number in a message is what an operator sees on the wire; this table is for
people: logs, the command line, tests and documentation.
"""

from __future__ import annotations

TAGS: dict[int, str] = {
    1: "Account",
    6: "AvgPx",
    7: "BeginSeqNo",
    8: "BeginString",
    9: "BodyLength",
    10: "CheckSum",
    11: "ClOrdID",
    14: "CumQty",
    16: "EndSeqNo",
    17: "ExecID",
    19: "ExecRefID",
    20: "ExecTransType",
    21: "HandlInst",
    31: "LastPx",
    32: "LastShares",
    34: "MsgSeqNum",
    35: "MsgType",
    36: "NewSeqNo",
    37: "OrderID",
    38: "OrderQty",
    39: "OrdStatus",
    40: "OrdType",
    41: "OrigClOrdID",
    43: "PossDupFlag",
    44: "Price",
    45: "RefSeqNum",
    49: "SenderCompID",
    52: "SendingTime",
    54: "Side",
    55: "Symbol",
    56: "TargetCompID",
    58: "Text",
    59: "TimeInForce",
    60: "TransactTime",
    97: "PossResend",
    98: "EncryptMethod",
    99: "StopPx",
    102: "CxlRejReason",
    103: "OrdRejReason",
    108: "HeartBtInt",
    111: "MaxFloor",
    112: "TestReqID",
    122: "OrigSendingTime",
    123: "GapFillFlag",
    126: "ExpireTime",
    141: "ResetSeqNumFlag",
    150: "ExecType",
    151: "LeavesQty",
    371: "RefTagID",
    372: "RefMsgType",
    373: "SessionRejectReason",
    378: "ExecRestatementReason",
    379: "BusinessRejectRefID",
    380: "BusinessRejectReason",
    434: "CxlRejResponseTo",
}

TAG_OF: dict[str, int] = {name: tag for tag, name in TAGS.items()}

MSG_TYPES: dict[bytes, str] = {
    b"0": "Heartbeat",
    b"1": "TestRequest",
    b"2": "ResendRequest",
    b"3": "Reject",
    b"4": "SequenceReset",
    b"5": "Logout",
    b"8": "ExecutionReport",
    b"9": "OrderCancelReject",
    b"A": "Logon",
    b"D": "NewOrderSingle",
    b"F": "OrderCancelRequest",
    b"G": "OrderCancelReplaceRequest",
    b"H": "OrderStatusRequest",
    b"j": "BusinessMessageReject",
}

ADMIN_MSG_TYPES = frozenset(b"0 1 2 3 4 5 A".split())

HEADER_TAGS = frozenset({8, 9, 34, 35, 43, 49, 50, 52, 56, 57, 97, 115, 116, 122, 128, 129})

EXEC_TYPES: dict[bytes, str] = {
    b"0": "New",
    b"1": "PartialFill",
    b"2": "Fill",
    b"3": "DoneForDay",
    b"4": "Canceled",
    b"5": "Replaced",
    b"6": "PendingCancel",
    b"7": "Stopped",
    b"8": "Rejected",
    b"9": "Suspended",
    b"A": "PendingNew",
    b"B": "Calculated",
    b"C": "Expired",
    b"D": "Restated",
    b"E": "PendingReplace",
    b"F": "Trade",
    b"G": "TradeCorrect",
    b"H": "TradeCancel",
    b"I": "OrderStatus",
}


def readable(message: bytes) -> str:
    """Return a message for a log: SOH as ``|``, anything not printable as ``.``."""
    return "".join("|" if c == 1 else chr(c) if 32 <= c < 127 else "." for c in message)
