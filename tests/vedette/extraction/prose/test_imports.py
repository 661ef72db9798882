"""Only who reads prose pays for what reads it: 60 MB that a hub, a field and most commands do not have to spare."""

import subprocess
import sys


def test_nobody_else_imports_what_the_model_needs() -> None:
    program = (
        "import sys\n"
        "import agents.hub, agents.field, registry.corrections, web.console.annotation_view\n"
        "import vedette.cli.annotate, vedette.cli.corrections, vedette.cli.extract, vedette.cli.relations\n"
        "print(sorted({'numpy', 'onnxruntime', 'py3langid', 'tokenizers', 'torch'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout.strip() == "[]", done.stderr
