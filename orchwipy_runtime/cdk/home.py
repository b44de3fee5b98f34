"""Where the constructs of a pipeline are in an app, and what its functions share: the bucket and the code."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import WeakKeyDictionary, finalize

from orchwipy_runtime.emit.ids import logical_ids
from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.package import Package, make_package
from orchwipy_runtime.emit.place import module_name
from orchwipy_runtime.emit.shared import BUCKET
from orchwipy_runtime.errors import InvalidSetting
from orchwipy_runtime.micro import MicroFunctions
from orchwipy_runtime.pipeline import Functions

__all__ = ["Home"]

_CONTEXT = "orchwipy:pipeline"
_OF_APPS = ("/cdk.json", "/cdk.context.json")
_WHOLE = "__main__"

_packages: WeakKeyDictionary[Any, dict[Path, tuple[Path, Package]]] = WeakKeyDictionary()
"""The packages of each app, which live as long as it does."""


class Home:
    """The construct in a scope that holds all that is made there for a pipeline.

    `place` is what the functions know the pipeline by, as module:pipe, `file` the file that makes it, and
    `folder` where imports begin. `options` are those of a template with a state machine.
    """

    def __init__(self, pipe: Functions, scope: Any) -> None:
        from constructs import Construct

        if not isinstance(pipe, MicroFunctions):
            raise InvalidSetting(
                "the pipeline is no MicroFunctions, and only those are deployed",
                help="make it one, or make one of it: MicroFunctions.from_functions(pipe)",
            )
        module, self.name = _find(pipe)
        self.pipe = pipe
        self.file = Path(str(sys.modules[module].__file__))
        if module == _WHOLE:
            module = module_name(self.file, self.file.parent)
        inner = self.file.stem == "__init__"
        self.folder = self.file.resolve().parents[module.count(".") + inner]
        self.place = f"{module}:{self.name}"
        self.options = Options(pipeline=self.place, engine="stepfunctions")
        words = f"{module.rpartition('.')[2]}_{self.name}"
        made = logical_ids([words])[words]
        self.construct = scope.node.try_find_child(made)
        if self.construct is None:
            self.construct = Construct(scope, made)
            self.construct.node.set_context(_CONTEXT, self.place)
        elif self.construct.node.try_get_context(_CONTEXT) != self.place:
            raise InvalidSetting(
                f"`{scope.node.path}` has a `{made}` already, which is not the pipeline `{self.place}`",
                help="give each pipeline a construct or a stack of its own: Construct(self, ...)",
            )

    def find(self, name: str) -> Any:
        """The construct of this name, None where there is none yet."""
        return self.construct.node.try_find_child(name)

    def has_function(self, step: str) -> bool:
        """Whether the step's function is made."""
        return self.find(f"{logical_ids([step])[step]}Function") is not None

    def bucket(self) -> Any:
        """The pipeline's bucket: private, encrypted, its objects expire, and it outlives the stack."""
        import aws_cdk as cdk
        from aws_cdk import aws_s3 as s3

        expiry = s3.LifecycleRule(
            id="runs",
            prefix=f"{cdk.Aws.STACK_NAME}/",
            expiration=cdk.Duration.days(self.options.expiry_days),
        )
        unfinished = s3.LifecycleRule(
            id="unfinished-uploads", abort_incomplete_multipart_upload_after=cdk.Duration.days(1)
        )
        return self.find(BUCKET) or s3.Bucket(
            self.construct,
            BUCKET,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            lifecycle_rules=[expiry, unfinished],
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def code(self) -> Any:
        """The pipeline's folder, packaged with the runtime, as an asset."""
        from aws_cdk import aws_lambda

        return aws_lambda.Code.from_asset(str(self._package()[0]))

    def packaged_steps(self) -> dict[str, Any] | None:
        """The steps of the package, as `emit.importing` has them; None where nothing is packaged."""
        import aws_cdk as cdk

        of_app = _packages.get(cdk.Stage.of(self.construct), {})
        return dict(of_app[self.file][1].steps) if self.file in of_app else None

    def _package(self) -> tuple[Path, Package]:
        import aws_cdk as cdk

        stage = cdk.Stage.of(self.construct)
        of_app = _packages.setdefault(stage, {})
        if self.file not in of_app:
            folder = Path(mkdtemp(prefix="orchwipy-cdk-"))
            finalize(stage, rmtree, folder, ignore_errors=True)
            out = Path(stage.asset_outdir).resolve()
            package = make_package(
                code=self.folder,
                pipeline=self.place,
                folder=folder / "code",
                exclude=[*_OF_APPS, *self._inside(out), *self._app()],
                python=self.options.runtime.removeprefix("python"),
            )
            of_app[self.file] = (folder / "code", package)
        return of_app[self.file]

    def _inside(self, out: Path) -> list[str]:
        """The app's output, where it is in the code folder, as a pattern."""
        return [f"/{out.relative_to(self.folder).as_posix()}/"] if self.folder in out.parents else []

    def _app(self) -> list[str]:
        """The program that makes the app, as a pattern: what changes there changes no function."""
        path = Path(getattr(sys.modules[_WHOLE], "__file__", None) or self.file).resolve()
        if path == self.file.resolve() or self.folder not in path.parents:
            return []
        return [f"/{path.relative_to(self.folder).as_posix()}"]


def _find(pipe: MicroFunctions) -> tuple[str, str]:
    """The module that has the pipeline, and the name that it has there.

    That is a module of its steps, or else the one imported last, since those that use it began before.
    """
    written = [getattr(each.function, "__module__", None) for each in pipe.steps.values()]
    for name in dict.fromkeys([*written, *reversed(sys.modules)]):
        module = sys.modules.get(name or "")
        if module is None or not getattr(module, "__file__", None):
            continue
        for found, value in list(vars(module).items()):
            if value is pipe:
                return module.__name__, found
    raise InvalidSetting(
        "no module has the pipeline, so that a function could not find it",
        help="make it at the top of a file: pipe = MicroFunctions(...)",
    )
