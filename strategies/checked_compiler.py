"""numba's compiler for methods of a strategy, with one refusal more: state is not cut to fit.

    method ──type inference──▶ CheckStores ──▶ machine code

numba casts what is assigned to an attribute to the attribute's type, so ``self.bid = quote.bid / 2`` with ``bid: int`` would lose its fraction without a
word, where plain Python keeps it. Here it does not compile. What fails: TypingError with attribute, both types and line.
"""

from __future__ import annotations

from typing import Any

import numba
from numba.core import ir, types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.typed_passes import NopythonTypeInference

from ringfence.ipc.njit import Pointer

_FITS = {
    types.int64: (types.Integer, types.Boolean, types.IntEnumMember),
    types.boolean: (types.Boolean,),
    types.float64: (types.Float, types.Integer, types.Boolean),
}
_WORDS = {types.int64: "int", types.boolean: "bool", types.float64: "float"}


@register_pass(mutates_CFG=False, analysis_only=True)
class CheckStores(AnalysisPass):  # type: ignore[misc]
    """Refuses a store into declared state of a value of another kind."""

    _name = "ringfence_check_stores"

    def __init__(self) -> None:
        AnalysisPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Look at every assignment to an attribute; nothing is changed."""
        for block in state.func_ir.blocks.values():
            for store in block.find_insts(ir.SetAttr):
                target, value = (state.typemap[v.name] for v in (store.target, store.value))
                declared = target.numba_type(store.attr) if isinstance(target, Pointer) else None
                if declared in _FITS and not isinstance(value, _FITS[declared]):
                    raise numba.TypingError(
                        f"self.{store.attr} is declared {_WORDS[declared]} and is given {value}: use int(...), // or bool(...), or declare it otherwise",
                        loc=store.loc,
                    )
        return False


class MethodCompiler(CompilerBase):  # type: ignore[misc]
    """The nopython pipeline with the check behind type inference."""

    def define_pipelines(self) -> list[Any]:
        """Return the one pipeline."""
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.add_pass_after(CheckStores, NopythonTypeInference)
        pipeline.finalize()
        return [pipeline]
