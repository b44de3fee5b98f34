"""How programs written for OrchWiPy make their template.

Who checks the types of a program reads this, and nothing of what makes the template.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TextIO

from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.structure import ref
from orchwipy_runtime.micro import MicroFunctions
from orchwipy_runtime.step import late

__all__ = ["build_cfn_template"]


def build_cfn_template(
    *,
    output_template: TextIO,
    code_py_relative_to_template: PurePath | str,
    plant: MicroFunctions,
    layers: Sequence[str],
    policies: Sequence[object],
    environment: Mapping[str, object] | None = None,
    more_template_params: Sequence[str | tuple[str, object]] | None = None,
    max_steps_in_run: int = 50,
    timeout: int = 30,
    runtime: str = "python3.11",
    **more_params: object,
) -> None:
    """Writes the SAM template of a pipeline, as OrchWiPy's function of this name does.

    `code_py_relative_to_template` is the Python file that holds the pipeline `plant`; its folder is what is
    deployed. `layers` are names of parameters with ARNs, `policies` and `environment` are for every step,
    and `more_params` are more properties of each function. The bucket's name is the parameter
    OrchwipyRequestBucket, and the most steps of a run are the parameter OrchwipyMaxStack.

    Raises PlanRefused where the analyser finds an error, and InvalidTemplate for what AWS would not take.
    """
    plan = late("emit.plan").make_plan(plant, caller=sys._getframe(1))
    path = PurePath(code_py_relative_to_template)
    options = Options(
        pipeline=f"{path.stem}:{plan.name}",
        source=path.as_posix(),
        code=path.parent.as_posix(),
        code_path=path.as_posix(),
        layers=tuple(layers),
        policies=tuple(policies),
        environment={"OrchwipyMaxStack": ref("OrchwipyMaxStack"), **(environment or {})},
        parameters=(
            *(more_template_params or ()),
            "OrchwipyRequestBucket",
            ("OrchwipyMaxStack", max_steps_in_run),
        ),
        bucket="OrchwipyRequestBucket",
        timeout=timeout,
        runtime=runtime,
        more_params=more_params,
    )
    output_template.write(late("emit.template").render_template(plan, options))
