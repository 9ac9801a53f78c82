from typing import Any

import numpy as np

AMOUNTS: tuple[str, ...]
POSTING: np.dtype[Any]
CHANGE: np.dtype[Any]
CASH_MOVE: tuple[str, ...]
