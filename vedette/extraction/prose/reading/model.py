"""The model in onnxruntime, set up so that a worker process stays small and takes no thread of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vedette.extraction.prose.reading.weights import WeightsError
from vedette.extraction.prose.reading.windows import Inputs

_ERRORS_ONLY = 3


class Model:
    """Scores of batches; a batch is computed by the thread that asks."""

    def __init__(self, content: bytes) -> None:
        """Load it.

        Args:
            content: the ONNX file's.

        Raises:
            WeightsError: it is no model that this onnxruntime can run.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = _ERRORS_ONLY
        # Batches have many shapes: patterns of memory would be kept for each, and the arena never shrinks.
        options.enable_mem_pattern = False
        options.enable_cpu_mem_arena = False
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library's errors have no base of their own
            raise WeightsError("model.onnx", str(error).splitlines()[0][:200]) from error
        self._run = onnxruntime.RunOptions()
        self._run.only_execute_path_to_fetches = True

    def scores(self, inputs: Inputs, outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """Return the outputs that are asked for; others are not computed. Several threads may ask at once."""
        found: list[NDArray[np.float32]] = self._session.run(list(outputs), inputs, self._run)
        return found
