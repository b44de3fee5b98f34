"""A pipeline in an app of the AWS CDK: its functions, its state machine and its schedules as constructs.

For development alone, with the extra `cdk`. What functions and machines are like, and what their roles may
do, is what `orchwipy_runtime.emit` says; here it becomes constructs that the rest of an app can work with.
"""
