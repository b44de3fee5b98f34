"""Steps whose module has Powertools' objects."""

import os

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from orchwipy_runtime import MicroFunctions, PauseExecution, ReturnUpdates

logger = Logger(service="shop")
metrics = Metrics(namespace="Shop", service="shop")
tracer = Tracer(service="shop", auto_patch=False)

barrier = None  # of two, when two calls meet

pipe = MicroFunctions(beginner="weigh", powertools=True)


@pipe.fn()
def weigh(*, grams: int, **kwargs):
    logger.info("weighed", extra={"unit": "g"})
    metrics.add_metric(name="Weighed", unit=MetricUnit.Count, value=1)
    return ReturnUpdates("label", heavy=grams > 1000)


@pipe.fn(returns="text")
def label(heavy: bool):
    logger.info("labelled")
    return "heavy" if heavy else "light"


@pipe.fn(terminates=True, powertools=False)
def plain(**kwargs):
    logger.info("plain")
    return {}


@pipe.fn(terminates=True)
def fails(**kwargs):
    metrics.add_metric(name="Failed", unit=MetricUnit.Count, value=1)
    raise ValueError(os.environ["NEVER_SET"])


@pipe.fn(terminates=True)
def meets(*, number: int, **kwargs):
    barrier.wait()
    logger.info("met", extra={"number": number})
    barrier.wait()
    return {}


@pipe.fn(terminates=True)
def pauses(**kwargs):
    raise PauseExecution
